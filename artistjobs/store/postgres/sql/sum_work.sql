-- Totals of all workers: calls, retries, tokens, cost.
SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(retries), 0)::bigint AS retries,
       coalesce(sum(input_tokens), 0)::bigint AS input_tokens, coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
       (sum(cached_tokens) / nullif(sum(CASE WHEN cached_tokens IS NOT NULL THEN input_tokens END), 0))::float8 AS cached_share,
       coalesce(sum(cost_usd), 0)::float8 AS cost_usd, coalesce(sum(unpriced), 0)::bigint AS unpriced
  FROM workers
