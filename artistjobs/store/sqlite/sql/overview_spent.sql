-- Tokens and cost of all answers, including late ones, by prompt configuration, model, tier and time bucket. Those of
-- batches and of the background count apart, since their prices differ.
SELECT jobs.prompt, answers.model,
       CASE answers.way WHEN 'live' THEN answers.service_tier ELSE answers.way END AS service_tier,
       CAST(strftime('%s', answers.received_at) AS INTEGER) / :slot_seconds * :slot_seconds AS start,
       count(*) AS answers, coalesce(sum(answers.input_tokens), 0) AS input_tokens,
       coalesce(sum(answers.cached_tokens), 0) AS cached_tokens,
       coalesce(sum(answers.output_tokens), 0) AS output_tokens,
       coalesce(sum(answers.reasoning_tokens), 0) AS reasoning_tokens,
       coalesce(sum(answers.cost_usd), 0.0) AS cost_usd, sum(answers.cost_usd IS NULL) AS unpriced
  FROM answers
  JOIN jobs ON jobs.id = answers.job
 WHERE :prompt IS NULL OR jobs.prompt = :prompt
 GROUP BY jobs.prompt, answers.model, CASE answers.way WHEN 'live' THEN answers.service_tier ELSE answers.way END, start
 ORDER BY jobs.prompt, answers.model, service_tier
