-- Take over the jobs of a worker that is gone, or that a failover has forgotten, for answers that its spool has. Jobs that
-- another worker has claimed or settled since stay as they are.
UPDATE jobs
   SET state = 'running',
       claimed_by = %(worker)s::bigint,
       claimed_at = clock_timestamp(),
       attempt = given.attempt,
       available_at = NULL
  FROM unnest(%(job)s::bigint[], %(attempt)s::int[]) AS given (job, attempt)
 WHERE jobs.id = given.job
   AND (jobs.state = 'pending'
        OR jobs.state = 'running' AND jobs.claimed_by = %(former)s::bigint AND jobs.attempt = given.attempt)
