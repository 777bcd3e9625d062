-- An exchange: record attempts at different jobs, add them to the counters of the worker, and claim up to limit pending
-- jobs. One statement, so that it takes one round trip and no lock outlasts it, whatever happens to the client. Its rows
-- are the claims, then the jobs whose claims were no longer held, and one row if the worker has ended.
WITH given AS (
    -- The number of an answer is taken here, because the job refers to it and the answer to what became of the job.
    SELECT given.*, CASE WHEN given.seconds IS NOT NULL
                         THEN nextval((SELECT pg_get_serial_sequence('answers', 'id')::regclass)) END AS answer
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
        %(available_at)s::timestamptz[],
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
        job, number, started_at, ended_at, calls, outcome, http_status, error_type, error_code, error_message,
        request_id, lost_usd, state, next_attempt, available_at, received_at, response_id, created, status, model,
        service_tier, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
        cost_usd, seconds, body, text_path, way, text, text_json)
), ends AS MATERIALIZED (
    -- Without the bodies, which an update would copy for each row that it joins.
    SELECT job, number, outcome, state, next_attempt, available_at, error_code, answer FROM given
), recorded AS (
    INSERT INTO attempts (
        job, number, worker, started_at, ended_at, calls, outcome,
        http_status, error_type, error_code, error_message, request_id, lost_usd)
    SELECT job, number, %(worker)s::bigint, started_at, ended_at, calls, outcome,
           http_status, error_type, error_code, error_message, request_id, lost_usd
      FROM given
), settled AS (
    UPDATE jobs
       SET state = ends.state,
           attempt = ends.next_attempt,
           answer = CASE WHEN ends.state IN ('done', 'failed') THEN coalesce(ends.answer, jobs.answer) ELSE jobs.answer END,
           error_code = CASE WHEN ends.state = 'failed' THEN ends.error_code END,
           available_at = ends.available_at,
           claimed_by = CASE WHEN ends.state = 'running' THEN jobs.claimed_by END,
           claimed_at = CASE WHEN ends.state = 'running' THEN jobs.claimed_at END
      FROM ends
     WHERE jobs.id = ends.job
       -- The fence: a worker that was taken for dead changes no job that another one may have claimed. It is written so
       -- that the jobs are found by their ids: while a snapshot is held, the index of the running jobs keeps an entry for
       -- each job that this worker has claimed since.
       AND jobs.state IS NOT DISTINCT FROM 'running'
       AND jobs.claimed_by IS NOT DISTINCT FROM %(worker)s::bigint
       AND jobs.attempt = ends.number
    RETURNING jobs.id, ends.outcome
), kept AS (
    -- An answer whose claim was lost is late.
    INSERT INTO answers (
        id, late, job, attempt, worker, received_at, response_id, created, status, model, service_tier,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
        cost_usd, seconds, body, text_path, way, text, text_json)
    SELECT given.answer, CASE WHEN settled.id IS NULL THEN 1 ELSE 0 END, given.job, given.number, %(worker)s::bigint,
           given.received_at, given.response_id, given.created, given.status, given.model, given.service_tier,
           given.input_tokens, given.cached_tokens, given.cache_write_tokens, given.output_tokens,
           given.reasoning_tokens, given.total_tokens, given.cost_usd, given.seconds, given.body, given.text_path,
           given.way, given.text, given.text_json
      FROM given
      LEFT JOIN settled ON settled.id = given.job
     WHERE given.answer IS NOT NULL
), counted AS (
    UPDATE workers
       SET seen_at = clock_timestamp(),
           exchanges = greatest(exchanges, %(exchanges)s::bigint),
           calls = calls + %(more_calls)s::bigint,
           retries = retries + (SELECT count(*) FROM settled WHERE outcome = 'retry'),
           done = done + (SELECT count(*) FROM settled WHERE outcome = 'done'),
           failed = failed + (SELECT count(*) FROM settled WHERE outcome = 'failed'),
           input_tokens = input_tokens + %(more_input_tokens)s::bigint,
           cached_tokens = cached_tokens + %(more_cached_tokens)s::bigint,
           output_tokens = output_tokens + %(more_output_tokens)s::bigint,
           cost_usd = cost_usd + %(more_cost_usd)s::float8,
           unpriced = unpriced + %(more_unpriced)s::bigint,
           lost_usd = lost_usd + %(more_lost_usd)s::float8,
           -- A rounding error counts as 0, since other workers would wait for it to become free.
           reserved_usd = CASE WHEN reserved_usd - %(more_reserved_usd)s::float8 < 1e-9 THEN 0
                               ELSE reserved_usd - %(more_reserved_usd)s::float8 END,
           margin_usd = CASE WHEN margin_usd - %(more_margin_usd)s::float8 < 1e-9 THEN 0
                             ELSE margin_usd - %(more_margin_usd)s::float8 END
     WHERE id = %(worker)s::bigint
    RETURNING ended_at IS NULL AS is_registered
), claimable AS (
    SELECT id
      FROM jobs
     WHERE state = 'pending'
       AND id > %(floor)s::bigint
       AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
       AND (available_at IS NULL OR available_at <= %(now)s::timestamptz OR available_at > %(latest)s::timestamptz)
       AND (%(ingest)s::bigint IS NULL OR EXISTS (
            SELECT 1 FROM ingest_lines
             WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
       -- A worker that another process has taken for dead claims nothing before it has registered anew.
       AND (SELECT is_registered FROM counted)
     ORDER BY id
     LIMIT %(limit)s::bigint
       FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE jobs
       SET state = 'running',
           claimed_by = %(worker)s::bigint,
           claimed_at = %(claimed_at)s::timestamptz,
           attempt = attempt + 1,
           available_at = NULL
      FROM claimable
     WHERE jobs.id = claimable.id
    RETURNING jobs.id AS job, jobs.attempt, coalesce(jobs.sent_as, jobs.prompt) AS prompt, jobs.artist_name,
              jobs.artist_data, jobs.header,
              CASE WHEN jobs.header IS NOT NULL AND (SELECT prompts.columns <> '[]' FROM prompts
                                                      WHERE prompts.id = jobs.prompt) THEN jobs.columns END AS columns
)
SELECT job, attempt, prompt, artist_name, artist_data, header, columns, 'claimed' AS kind
  FROM claimed
 UNION ALL
SELECT ends.job, NULL, NULL, NULL, NULL, NULL, NULL, 'lost'
  FROM ends
 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = ends.job)
 UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ended'
 WHERE NOT EXISTS (SELECT 1 FROM counted WHERE is_registered)
