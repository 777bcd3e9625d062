-- Jobs whose claims are still held. The rows stay locked, so that no rescue comes between this check and the settling.
SELECT jobs.id AS job
  FROM unnest(%(job)s::bigint[], %(attempt)s::int[]) AS given (job, attempt)
  JOIN jobs ON jobs.id = given.job
 WHERE jobs.state IS NOT DISTINCT FROM 'running'
   AND jobs.claimed_by IS NOT DISTINCT FROM %(worker)s::bigint
   AND jobs.attempt = given.attempt
   FOR UPDATE OF jobs
