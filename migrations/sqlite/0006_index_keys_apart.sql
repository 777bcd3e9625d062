-- The keys of jobs get an index of their own. That of a column that is UNIQUE is filled row by row, in the order of
-- keys, which is none; one that stands apart can be built of a million rows at once, sorted. SQLite takes a UNIQUE away
-- only with the table: all that hangs on it is made again, as it was.

CREATE TABLE jobs_anew (
    id            INTEGER PRIMARY KEY,
    key           BLOB NOT NULL,
    prompt        INTEGER NOT NULL REFERENCES prompts (id),
    artist_name   TEXT NOT NULL CHECK (artist_name <> ''),
    artist_data   TEXT NOT NULL DEFAULT '',
    state         TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', 'failed')),
    attempt       INTEGER NOT NULL DEFAULT 0,
    deaths        INTEGER NOT NULL DEFAULT 0,
    available_at  TEXT,
    claimed_by    INTEGER REFERENCES workers (id),
    claimed_at    TEXT,
    answer        INTEGER REFERENCES answers (id),
    error_code    TEXT,
    CHECK (state = 'pending' OR attempt > 0),
    CHECK ((state = 'running') = (claimed_by IS NOT NULL)),
    CHECK ((state = 'failed') = (error_code IS NOT NULL)),
    CHECK (state <> 'done' OR answer IS NOT NULL)
) STRICT;

INSERT INTO jobs_anew (id, key, prompt, artist_name, artist_data, state, attempt, deaths, available_at, claimed_by, claimed_at,
    answer, error_code)
SELECT id, key, prompt, artist_name, artist_data, state, attempt, deaths, available_at, claimed_by, claimed_at,
       answer, error_code
  FROM jobs;

DROP VIEW results;
DROP VIEW failures;
DROP VIEW progress;
DROP TABLE jobs;
ALTER TABLE jobs_anew RENAME TO jobs;

CREATE UNIQUE INDEX jobs_by_key ON jobs (key);

-- Small indexes over the live states alone: their cost does not grow with the jobs already done.
CREATE INDEX jobs_pending ON jobs (id) WHERE state = 'pending';
CREATE INDEX jobs_running ON jobs (claimed_by) WHERE state = 'running';
CREATE INDEX jobs_failed ON jobs (error_code) WHERE state = 'failed';

-- The state diagram: claim; settle, release and rescue; retry. Nothing else.
CREATE TRIGGER jobs_moves BEFORE UPDATE OF state ON jobs
WHEN OLD.state <> NEW.state AND NOT (
    (OLD.state = 'pending' AND NEW.state = 'running')
    OR (OLD.state = 'running' AND NEW.state IN ('done', 'failed', 'pending'))
    OR (OLD.state = 'failed' AND NEW.state = 'pending')
)
BEGIN
    SELECT RAISE(ABORT, 'a job cannot make this move between states');
END;

CREATE VIEW results AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, answers.text, jobs.prompt, answers.model,
       answers.service_tier, answers.input_tokens, answers.output_tokens, answers.cost_usd, answers.seconds,
       answers.received_at, answers.response_id
  FROM jobs
  JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state = 'done';

CREATE VIEW failures AS
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code, attempts.error_message,
       attempts.http_status, jobs.prompt, jobs.attempt AS attempts, attempts.ended_at AS failed_at,
       attempts.request_id
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.state = 'failed';

CREATE VIEW progress AS
SELECT prompts.id AS prompt, coalesce(prompts.prompt_id, prompts.prompt_file) AS asked_with, prompts.version,
       prompts.model, prompts.params, asked.jobs, asked.pending, asked.running, asked.done, asked.failed
  FROM (SELECT jobs.prompt, count(*) AS jobs,
               sum(jobs.state = 'pending') AS pending, sum(jobs.state = 'running') AS running,
               sum(jobs.state = 'done') AS done, sum(jobs.state = 'failed') AS failed
          FROM jobs
         GROUP BY jobs.prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt;
