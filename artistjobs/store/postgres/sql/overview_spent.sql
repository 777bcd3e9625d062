-- Tokens and cost of all answers, including late ones, by prompt configuration, model, tier and time bucket.
SELECT jobs.prompt, answers.model,
       CASE answers.way WHEN 'live' THEN answers.service_tier ELSE answers.way END AS service_tier,
       floor(extract(epoch FROM answers.received_at))::bigint / %(slot_seconds)s::bigint * %(slot_seconds)s::bigint AS start,
       count(*) AS answers, coalesce(sum(answers.input_tokens), 0)::bigint AS input_tokens,
       coalesce(sum(answers.cached_tokens), 0)::bigint AS cached_tokens,
       coalesce(sum(answers.output_tokens), 0)::bigint AS output_tokens,
       coalesce(sum(answers.reasoning_tokens), 0)::bigint AS reasoning_tokens,
       coalesce(sum(answers.cost_usd), 0)::float8 AS cost_usd, count(*) FILTER (WHERE answers.cost_usd IS NULL) AS unpriced
  FROM answers
  JOIN jobs ON jobs.id = answers.job
 WHERE %(prompt)s::bigint IS NULL OR jobs.prompt = %(prompt)s::bigint
 GROUP BY jobs.prompt, answers.model, CASE answers.way WHEN 'live' THEN answers.service_tier ELSE answers.way END, start
 ORDER BY jobs.prompt, answers.model, service_tier NULLS FIRST
