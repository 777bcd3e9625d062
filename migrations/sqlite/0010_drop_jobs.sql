-- A job can be dropped: it is then failed with the code user:dropped, which no server can send, and counts apart.

DROP TRIGGER jobs_moves;
CREATE TRIGGER jobs_moves BEFORE UPDATE OF state ON jobs
WHEN OLD.state <> NEW.state AND NOT (
    (OLD.state = 'pending' AND NEW.state IN ('running', 'failed'))
    OR (OLD.state = 'running' AND NEW.state IN ('done', 'failed', 'pending'))
    OR (OLD.state = 'failed' AND NEW.state = 'pending')
)
BEGIN
    SELECT RAISE(ABORT, 'a job cannot make this move between states');
END;

DROP VIEW failures;
CREATE VIEW failures AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code, attempts.error_message,
       attempts.http_status, jobs.prompt, jobs.attempt AS attempts, attempts.ended_at AS failed_at,
       attempts.request_id
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.state = 'failed' AND jobs.error_code <> 'user:dropped';

DROP VIEW progress;
CREATE VIEW progress AS
SELECT prompts.id AS prompt, coalesce(prompts.prompt_id, prompts.prompt_file) AS asked_with, prompts.version,
       prompts.model, prompts.params, asked.jobs, asked.pending, asked.running, asked.done, asked.failed,
       prompts.created_at, asked.dropped
  FROM (SELECT jobs.prompt, count(*) AS jobs,
               sum(jobs.state = 'pending') AS pending, sum(jobs.state = 'running') AS running,
               sum(jobs.state = 'done') AS done,
               sum(jobs.state = 'failed' AND jobs.error_code <> 'user:dropped') AS failed,
               sum(jobs.state = 'failed' AND jobs.error_code = 'user:dropped') AS dropped
          FROM jobs
         GROUP BY jobs.prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt;
