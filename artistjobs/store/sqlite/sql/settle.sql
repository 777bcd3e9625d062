-- Record the outcomes of attempts for their jobs, which this worker holds.
WITH given (job, state, next_attempt, answer, error_code, available_at) AS (VALUES (?, ?, ?, ?, ?, ?))
UPDATE jobs
   SET state = given.state,
       attempt = given.next_attempt,
       answer = CASE WHEN given.state IN ('done', 'failed') THEN coalesce(given.answer, jobs.answer)
                     ELSE jobs.answer END,
       error_code = CASE WHEN given.state = 'failed' THEN given.error_code END,
       available_at = given.available_at,
       claimed_by = CASE WHEN given.state = 'running' THEN claimed_by END,
       claimed_at = CASE WHEN given.state = 'running' THEN claimed_at END
  FROM given
 WHERE jobs.id = given.job
