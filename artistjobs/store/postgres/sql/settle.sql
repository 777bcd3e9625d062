-- Record attempts at different jobs: their answers, one row for each attempt, and the outcomes for the jobs whose claims
-- are still held. Return the other jobs, with their answers, which are late. One statement, so that it takes one round
-- trip, and each job is found and locked once.
WITH kept AS (
    INSERT INTO answers (
        job, attempt, worker, received_at, response_id, created, status, model, service_tier,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
        cost_usd, seconds, body, text_path, way, text, text_json)
    SELECT given.job, given.attempt, %(worker)s::bigint, given.received_at, given.response_id, given.created,
           given.status, given.model, given.service_tier,
           given.input_tokens, given.cached_tokens, given.cache_write_tokens, given.output_tokens,
           given.reasoning_tokens, given.total_tokens,
           given.cost_usd, given.seconds, given.body, given.text_path, given.way, given.text, given.text_json
      FROM unnest(
        %(answered_job)s::bigint[],
        %(answered_attempt)s::int[],
        %(received_at)s::timestamptz[],
        %(response_id)s::text[],
        %(created)s::bigint[],
        %(status)s::text[],
        %(model)s::text[],
        %(service_tier)s::text[],
        %(input_tokens)s::bigint[],
        %(cached_tokens)s::bigint[],
        %(cache_write_tokens)s::bigint[],
        %(output_tokens)s::bigint[],
        %(reasoning_tokens)s::bigint[],
        %(total_tokens)s::bigint[],
        %(cost_usd)s::float8[],
        %(seconds)s::float8[],
        %(body)s::text[],
        %(text_path)s::text[],
        %(way)s::text[],
        %(text)s::text[],
        %(text_json)s::text[]) AS given (
        job, attempt, received_at, response_id, created, status, model, service_tier,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
        cost_usd, seconds, body, text_path, way, text, text_json)
    RETURNING id, job
), given AS (
    SELECT *
      FROM unnest(
        %(job)s::bigint[],
        %(number)s::int[],
        %(started_at)s::timestamptz[],
        %(ended_at)s::timestamptz[],
        %(calls)s::int[],
        %(outcome)s::text[],
        %(http_status)s::int[],
        %(error_type)s::text[],
        %(error_code)s::text[],
        %(error_message)s::text[],
        %(request_id)s::text[],
        %(lost_usd)s::float8[],
        %(state)s::text[],
        %(next_attempt)s::int[],
        %(available_at)s::timestamptz[]) AS given (
        job, number, started_at, ended_at, calls, outcome, http_status, error_type, error_code, error_message,
        request_id, lost_usd, state, next_attempt, available_at)
), recorded AS (
    INSERT INTO attempts (
        job, number, worker, started_at, ended_at, calls, outcome,
        http_status, error_type, error_code, error_message, request_id, lost_usd)
    SELECT job, number, %(worker)s::bigint, started_at, ended_at, calls, outcome,
           http_status, error_type, error_code, error_message, request_id, lost_usd
      FROM given
), settled AS (
    UPDATE jobs
       SET state = given.state,
           attempt = given.next_attempt,
           answer = CASE WHEN given.state IN ('done', 'failed') THEN coalesce(kept.id, jobs.answer) ELSE jobs.answer END,
           error_code = CASE WHEN given.state = 'failed' THEN given.error_code END,
           available_at = given.available_at,
           claimed_by = CASE WHEN given.state = 'running' THEN jobs.claimed_by END,
           claimed_at = CASE WHEN given.state = 'running' THEN jobs.claimed_at END
      FROM given
      LEFT JOIN kept ON kept.job = given.job
     WHERE jobs.id = given.job
       -- The fence: a worker that was taken for dead changes no job that another one may have claimed. It is written so
       -- that the jobs are found by their ids: while a snapshot is held, the index of the running jobs keeps an entry for
       -- each job that this worker has claimed since.
       AND jobs.state IS NOT DISTINCT FROM 'running'
       AND jobs.claimed_by IS NOT DISTINCT FROM %(worker)s::bigint
       AND jobs.attempt = given.number
    RETURNING jobs.id
)
SELECT given.job, kept.id AS answer
  FROM given
  LEFT JOIN kept ON kept.job = given.job
 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = given.job)
