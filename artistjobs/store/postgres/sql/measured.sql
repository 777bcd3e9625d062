-- Tokens, cost and seconds of the answers for one prompt configuration, among the latest 5,000 answers.
SELECT latest.input_tokens, latest.output_tokens, latest.cost_usd, latest.seconds
  FROM (SELECT job, input_tokens, output_tokens, cost_usd, seconds FROM answers ORDER BY id DESC LIMIT 5000) AS latest
  JOIN jobs ON jobs.id = latest.job
 WHERE jobs.prompt = (SELECT id FROM prompts WHERE key = %(key)s::bytea)
