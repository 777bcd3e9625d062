-- Record the outcomes of attempts for their jobs, which this worker holds.
UPDATE jobs
   SET state = given.state,
       attempt = given.next_attempt,
       answer = CASE WHEN given.state IN ('done', 'failed') THEN coalesce(given.answer, jobs.answer)
                     ELSE jobs.answer END,
       error_code = CASE WHEN given.state = 'failed' THEN given.error_code END,
       available_at = given.available_at,
       claimed_by = CASE WHEN given.state = 'running' THEN claimed_by END,
       claimed_at = CASE WHEN given.state = 'running' THEN claimed_at END
  FROM unnest(
    %(job)s::bigint[],
    %(state)s::text[],
    %(next_attempt)s::int[],
    %(answer)s::bigint[],
    %(error_code)s::text[],
    %(available_at)s::timestamptz[]) AS given (job, state, next_attempt, answer, error_code, available_at)
 WHERE jobs.id = given.job
