-- Suspect a job of the death of a worker that held it. One that is suspected of too many deaths fails, as in rescue.sql;
-- if another worker has claimed it since, its next death decides.
UPDATE jobs
   SET deaths = deaths + 1,
       attempt = greatest(attempt, 1),
       state = CASE WHEN state = 'pending' AND deaths + 1 >= %(deaths_max)s::int THEN 'failed' ELSE state END,
       error_code = CASE WHEN state = 'pending' AND deaths + 1 >= %(deaths_max)s::int THEN 'worker_died' ELSE error_code END
 WHERE id = %(suspect)s::bigint
   AND state IN ('pending', 'running')
   AND EXISTS (SELECT 1 FROM attempts
                WHERE attempts.job = jobs.id AND attempts.worker = %(worker)s::bigint AND attempts.outcome = 'died')
RETURNING state
