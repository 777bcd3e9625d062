-- Store answers of the API.
INSERT INTO answers (
    job, attempt, worker, received_at, response_id, created, status, model, service_tier,
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
    cost_usd, seconds, body, text_path, way, text, text_json)
SELECT * FROM unnest(
    %(job)s::bigint[],
    %(attempt)s::int[],
    %(worker)s::bigint[],
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
    %(text_json)s::text[])
RETURNING id, job
