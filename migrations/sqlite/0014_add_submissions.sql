-- Responses that the service makes in the background: the id is stored before the first look, so that the answer is
-- fetched after a crash and not bought again. A job has one at most, until its answer or its loss is recorded.
CREATE TABLE submissions (
    job           INTEGER PRIMARY KEY REFERENCES jobs (id),
    response_id   TEXT NOT NULL,
    window        TEXT,
    submitted_at  TEXT NOT NULL,
    reserved_usd  REAL NOT NULL DEFAULT 0
) STRICT;
