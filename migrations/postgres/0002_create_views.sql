-- Views for people: the same names and columns as in SQLite.

-- Completed jobs with their answers.
CREATE VIEW results AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, answers.text, jobs.prompt, answers.model,
       answers.service_tier, answers.input_tokens, answers.output_tokens, answers.cost_usd, answers.seconds,
       answers.received_at, answers.response_id
  FROM jobs
  JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state = 'done';

-- Failed jobs with the attempt that ended each of them.
CREATE VIEW failures AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code, attempts.error_message,
       attempts.http_status, jobs.prompt, jobs.attempt AS attempts, attempts.ended_at AS failed_at,
       attempts.request_id
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.state = 'failed' AND jobs.error_code <> 'user:dropped';

-- Jobs of each prompt configuration by state.
CREATE VIEW progress AS
SELECT prompts.id AS prompt, coalesce(prompts.prompt_id, prompts.prompt_file) AS asked_with, prompts.version,
       prompts.model, prompts.params, asked.jobs, asked.pending, asked.running, asked.done, asked.failed,
       prompts.created_at, asked.dropped
  FROM (SELECT jobs.prompt, count(*) AS jobs,
               count(*) FILTER (WHERE jobs.state = 'pending') AS pending,
               count(*) FILTER (WHERE jobs.state = 'running') AS running,
               count(*) FILTER (WHERE jobs.state = 'done') AS done,
               count(*) FILTER (WHERE jobs.state = 'failed' AND jobs.error_code <> 'user:dropped') AS failed,
               count(*) FILTER (WHERE jobs.state = 'failed' AND jobs.error_code = 'user:dropped') AS dropped
          FROM jobs
         GROUP BY jobs.prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt;

-- Spending by model and service tier. unpriced counts the answers whose price is not known.
CREATE VIEW spending AS
SELECT answers.model, answers.service_tier, count(*) AS answers, sum(answers.late)::bigint AS late,
       sum(answers.input_tokens)::bigint AS input_tokens, sum(answers.cached_tokens)::bigint AS cached_tokens,
       sum(answers.output_tokens)::bigint AS output_tokens, sum(answers.reasoning_tokens)::bigint AS reasoning_tokens,
       sum(answers.cost_usd) AS cost_usd, count(*) FILTER (WHERE answers.cost_usd IS NULL) AS unpriced
  FROM answers
 GROUP BY answers.model, answers.service_tier;
