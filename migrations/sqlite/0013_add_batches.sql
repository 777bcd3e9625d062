-- A batch at the service holds jobs as a worker does, whether a process lives or not. Its row in workers is the holder
-- and has its counters; the table batches has what else is known of it, under the same id.

ALTER TABLE workers ADD COLUMN kind TEXT NOT NULL DEFAULT 'process' CHECK (kind IN ('process', 'batch'));

-- The way in which an answer came.
ALTER TABLE answers ADD COLUMN way TEXT NOT NULL DEFAULT 'live' CHECK (way IN ('live', 'batch', 'background'));

-- driver is the worker that takes the batch through its states, NULL if none does. tokens is the estimate of its input
-- tokens. queue_limit is set if the service refused it for its token queue: the tokens that the queue can hold at most.
-- service_status and the three counts are what the service said last.
CREATE TABLE batches (
    id                INTEGER PRIMARY KEY REFERENCES workers (id),
    uuid              TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN (
                          'prepared', 'sealed', 'uploaded', 'creating', 'submitted', 'ended', 'collected', 'closed')),
    model             TEXT NOT NULL,
    driver            INTEGER REFERENCES workers (id),
    lines             INTEGER NOT NULL DEFAULT 0,
    bytes             INTEGER NOT NULL DEFAULT 0,
    tokens            INTEGER NOT NULL DEFAULT 0,
    reserved_usd      REAL NOT NULL DEFAULT 0,
    creates           INTEGER NOT NULL DEFAULT 0,
    file_id           TEXT,
    batch_id          TEXT,
    output_file_id    TEXT,
    error_file_id     TEXT,
    service_status    TEXT,
    service_total     INTEGER,
    service_completed INTEGER,
    service_failed    INTEGER,
    created_at        TEXT NOT NULL,
    creating_at       TEXT,
    submitted_at      TEXT,
    ended_at          TEXT,
    closed_at         TEXT,
    cancel_asked_at   TEXT,
    queue_limit       INTEGER,
    ending            TEXT,
    error             TEXT,
    CHECK (state <> 'submitted' OR batch_id IS NOT NULL),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
) STRICT;

CREATE TRIGGER batches_moves BEFORE UPDATE OF state ON batches
WHEN OLD.state <> NEW.state AND NOT (
    (OLD.state = 'prepared' AND NEW.state IN ('sealed', 'collected'))
    OR (OLD.state = 'sealed' AND NEW.state IN ('uploaded', 'collected'))
    OR (OLD.state = 'uploaded' AND NEW.state IN ('creating', 'collected'))
    OR (OLD.state = 'creating' AND NEW.state IN ('uploaded', 'submitted', 'collected'))
    OR (OLD.state = 'submitted' AND NEW.state IN ('ended', 'collected'))
    OR (OLD.state = 'ended' AND NEW.state = 'collected')
    OR (OLD.state = 'collected' AND NEW.state = 'closed')
)
BEGIN
    SELECT RAISE(ABORT, 'a batch cannot make this move between states');
END;

DROP VIEW spending;
CREATE VIEW spending AS
SELECT answers.model, answers.service_tier, count(*) AS answers, sum(answers.late) AS late,
       sum(answers.input_tokens) AS input_tokens, sum(answers.cached_tokens) AS cached_tokens,
       sum(answers.output_tokens) AS output_tokens, sum(answers.reasoning_tokens) AS reasoning_tokens,
       sum(answers.cost_usd) AS cost_usd, sum(answers.cost_usd IS NULL) AS unpriced, answers.way
  FROM answers
 GROUP BY answers.model, answers.service_tier, answers.way;
