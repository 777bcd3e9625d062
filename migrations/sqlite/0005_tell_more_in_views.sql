-- The views tell apart what was asked with the same file, and name the prompt, so that people can filter by it.

DROP VIEW results;
CREATE VIEW results AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, answers.text, jobs.prompt, answers.model,
       answers.service_tier, answers.input_tokens, answers.output_tokens, answers.cost_usd, answers.seconds,
       answers.received_at, answers.response_id
  FROM jobs
  JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state = 'done';

DROP VIEW failures;
CREATE VIEW failures AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code, attempts.error_message,
       attempts.http_status, jobs.prompt, jobs.attempt AS attempts, attempts.ended_at AS failed_at,
       attempts.request_id
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.state = 'failed';

DROP VIEW progress;
CREATE VIEW progress AS
SELECT prompts.id AS prompt, coalesce(prompts.prompt_id, prompts.prompt_file) AS asked_with, prompts.version,
       prompts.model, prompts.params, asked.jobs, asked.pending, asked.running, asked.done, asked.failed
  FROM (SELECT jobs.prompt, count(*) AS jobs,
               sum(jobs.state = 'pending') AS pending, sum(jobs.state = 'running') AS running,
               sum(jobs.state = 'done') AS done, sum(jobs.state = 'failed') AS failed
          FROM jobs
         GROUP BY jobs.prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt;
