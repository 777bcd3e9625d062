-- Totals of all workers: calls, retries, tokens, cost.
SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(retries), 0) AS retries,
       coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
       coalesce(sum(cost_usd), 0.0) AS cost_usd, coalesce(sum(unpriced), 0) AS unpriced
  FROM workers
