-- Make the jobs of a batch after the job after pending again, with no attempt counted.
UPDATE jobs
   SET state = 'pending', attempt = attempt - 1, claimed_by = NULL, claimed_at = NULL, available_at = %(available_at)s::timestamptz
 WHERE state = 'running' AND claimed_by = %(batch)s::bigint AND id > %(after)s::bigint
