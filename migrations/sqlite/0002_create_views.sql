-- Views for people, named as a person would ask.

-- What came of each completed job.
CREATE VIEW results AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, answers.text, answers.model,
       answers.input_tokens, answers.output_tokens, answers.cost_usd, answers.seconds,
       answers.received_at, answers.response_id
  FROM jobs
  JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state = 'done';

-- What went wrong, with the attempt that ended each failed job. One that came late has another outcome.
CREATE VIEW failures AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code, attempts.error_message,
       attempts.http_status, jobs.attempt AS attempts, attempts.ended_at AS failed_at, attempts.request_id
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.state = 'failed';

-- How far each way of asking is.
CREATE VIEW progress AS
SELECT prompts.id AS prompt, coalesce(prompts.prompt_id, prompts.prompt_file) AS asked_with, prompts.version,
       prompts.model, count(*) AS jobs,
       sum(jobs.state = 'pending') AS pending, sum(jobs.state = 'running') AS running,
       sum(jobs.state = 'done') AS done, sum(jobs.state = 'failed') AS failed
  FROM jobs
  JOIN prompts ON prompts.id = jobs.prompt
 GROUP BY prompts.id;

-- What was spent, by model and service tier. unpriced counts the answers whose price is not known.
CREATE VIEW spending AS
SELECT answers.model, answers.service_tier, count(*) AS answers, sum(answers.late) AS late,
       sum(answers.input_tokens) AS input_tokens, sum(answers.cached_tokens) AS cached_tokens,
       sum(answers.output_tokens) AS output_tokens, sum(answers.reasoning_tokens) AS reasoning_tokens,
       sum(answers.cost_usd) AS cost_usd, sum(answers.cost_usd IS NULL) AS unpriced
  FROM answers
 GROUP BY answers.model, answers.service_tier;
