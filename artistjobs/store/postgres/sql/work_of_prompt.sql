-- Totals of one prompt configuration: calls, retries, tokens, cost. They are counted in the attempts and answers.
SELECT tried.calls, tried.retries, answered.input_tokens, answered.output_tokens, answered.cached_share,
       answered.cost_usd, answered.unpriced
  FROM (SELECT coalesce(sum(attempts.calls), 0)::bigint AS calls,
               count(*) FILTER (WHERE attempts.outcome = 'retry') AS retries
          FROM attempts
          JOIN jobs ON jobs.id = attempts.job
         WHERE jobs.prompt = %(prompt)s::bigint) AS tried,
       (SELECT coalesce(sum(answers.input_tokens), 0)::bigint AS input_tokens,
               coalesce(sum(answers.output_tokens), 0)::bigint AS output_tokens,
               (sum(answers.cached_tokens) / nullif(sum(answers.input_tokens), 0))::float8 AS cached_share,
               coalesce(sum(answers.cost_usd), 0)::float8 AS cost_usd,
               count(*) FILTER (WHERE answers.cost_usd IS NULL) AS unpriced
          FROM answers
          JOIN jobs ON jobs.id = answers.job
         WHERE jobs.prompt = %(prompt)s::bigint) AS answered
