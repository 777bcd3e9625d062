-- Store a response in the background that a worker had in its spool, unless its answer is stored, the job has another
-- one, or nothing shows that the worker held the job: a failover may have forgotten an ingest, and given its ids away.
INSERT INTO submissions (job, response_id, "window", submitted_at, reserved_usd)
SELECT jobs.id, %(response_id)s::text, %(window)s::text, %(submitted_at)s::timestamptz, %(reserved_usd)s::float8
  FROM jobs
 WHERE jobs.id = %(job)s::bigint
   AND (jobs.state = 'running' AND jobs.claimed_by = %(former)s::bigint
        OR jobs.state = 'pending' AND EXISTS (
           SELECT 1 FROM attempts WHERE attempts.job = jobs.id AND attempts.worker = %(former)s::bigint))
   AND NOT EXISTS (SELECT 1 FROM answers
                    WHERE answers.job = jobs.id AND answers.response_id = %(response_id)s::text)
    ON CONFLICT (job) DO NOTHING
