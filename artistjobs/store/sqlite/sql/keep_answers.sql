-- Store answers of the API. A text is stored apart only if it cannot be read unchanged from the body.
WITH given (
    job, attempt, worker, received_at, response_id, created, status, model, service_tier,
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
    cost_usd, seconds, body, text_path, way, text)
  AS (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
INSERT INTO answers (
    job, attempt, worker, received_at, response_id, created, status, model, service_tier,
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
    cost_usd, seconds, body, text_path, way, text_apart)
SELECT job, attempt, worker, received_at, response_id, created, status, model, service_tier,
       input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, total_tokens,
       cost_usd, seconds, body, text_path, way,
       CASE WHEN text_path IS NOT NULL AND json_valid(body) AND json_extract(body, text_path) IS text
            THEN NULL ELSE text END
  FROM given
