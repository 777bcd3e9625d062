-- Free the jobs of a dead worker; a job that was held by too many dead workers fails.
UPDATE jobs
   SET deaths = deaths + 1,
       state = CASE WHEN deaths + 1 >= %(deaths_max)s::int THEN 'failed' ELSE 'pending' END,
       error_code = CASE WHEN deaths + 1 >= %(deaths_max)s::int THEN 'worker_died' END,
       claimed_by = NULL,
       claimed_at = NULL
 WHERE state = 'running' AND claimed_by = %(worker)s::bigint
RETURNING state
