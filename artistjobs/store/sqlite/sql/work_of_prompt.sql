-- Totals of one prompt configuration: calls, retries, tokens, cost. They are counted in the attempts and answers.
SELECT tried.calls, tried.retries, answered.input_tokens, answered.output_tokens, answered.cached_share,
       answered.cost_usd, answered.unpriced
  FROM (SELECT coalesce(sum(attempts.calls), 0) AS calls, coalesce(sum(attempts.outcome = 'retry'), 0) AS retries
          FROM attempts
          JOIN jobs ON jobs.id = attempts.job
         WHERE jobs.prompt = :prompt) AS tried,
       (SELECT coalesce(sum(answers.input_tokens), 0) AS input_tokens,
               coalesce(sum(answers.output_tokens), 0) AS output_tokens,
               sum(answers.cached_tokens) * 1.0 / nullif(sum(answers.input_tokens), 0) AS cached_share,
               coalesce(sum(answers.cost_usd), 0.0) AS cost_usd, coalesce(sum(answers.cost_usd IS NULL), 0) AS unpriced
          FROM answers
          JOIN jobs ON jobs.id = answers.job
         WHERE jobs.prompt = :prompt) AS answered
