-- Totals of all workers: calls, retries, tokens, cost. The cached share is that of the workers that counted it.
SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(retries), 0) AS retries,
       coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
       sum(cached_tokens) * 1.0 / nullif(sum(CASE WHEN cached_tokens IS NOT NULL THEN input_tokens END), 0) AS cached_share,
       coalesce(sum(cost_usd), 0.0) AS cost_usd, coalesce(sum(unpriced), 0) AS unpriced
  FROM workers
