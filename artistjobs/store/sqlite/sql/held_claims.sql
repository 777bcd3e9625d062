-- Jobs whose claims are still held, as one JSON array, which is read in one step.
WITH given (job, attempt, worker) AS (VALUES (?, ?, ?))
SELECT json_group_array(given.job)
  FROM given
  JOIN jobs ON jobs.id = given.job
 WHERE jobs.state = 'running'
   AND jobs.claimed_by = given.worker
   AND jobs.attempt = given.attempt
