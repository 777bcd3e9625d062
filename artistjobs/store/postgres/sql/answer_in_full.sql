-- Fields of the answer that settled a job.
SELECT answers.model, answers.cost_usd, answers.seconds, answers.body,
       answers.input_tokens, answers.cached_tokens, answers.cache_write_tokens,
       answers.output_tokens, answers.reasoning_tokens, answers.total_tokens
  FROM jobs
  JOIN answers ON answers.id = jobs.answer
 WHERE jobs.id = %(job)s::bigint
