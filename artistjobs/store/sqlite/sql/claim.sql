-- Claim some pending jobs for this worker.
UPDATE jobs
   SET state = 'running',
       claimed_by = :worker,
       claimed_at = :now,
       attempt = attempt + 1,
       available_at = NULL
 WHERE id IN (SELECT value FROM json_each(:jobs))
