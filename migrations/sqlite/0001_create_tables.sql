-- The queue: who asked for what, which job each line became, what every attempt came to.
-- Moments are UTC text of fixed width (2026-11-22T20:51:07.123Z), so text order is time order.

-- Tells this database from other SQLite files: the letters "arti".
PRAGMA application_id = 1634890857;

-- One row: real calls and rehearsed ones never share a database.
CREATE TABLE about (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    kind        TEXT NOT NULL CHECK (kind IN ('real', 'rehearsal')),
    created_at  TEXT NOT NULL
) STRICT;

-- The texts of templates and instructions, once per distinct text.
CREATE TABLE texts (
    sha256  TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    text    TEXT NOT NULL
) STRICT;

-- Distinct ways of asking.
CREATE TABLE prompts (
    id                   INTEGER PRIMARY KEY,
    key                  BLOB NOT NULL UNIQUE,
    prompt_id            TEXT,
    version              TEXT,
    prompt_file          TEXT,
    prompt_sha256        TEXT REFERENCES texts (sha256),
    instructions_sha256  TEXT REFERENCES texts (sha256),
    model                TEXT NOT NULL,
    params               TEXT NOT NULL DEFAULT '{}',
    created_at           TEXT NOT NULL,
    CHECK ((prompt_id IS NULL) <> (prompt_sha256 IS NULL))
) STRICT;

-- Files read. lines_of names the earlier ingest of the same unchanged file whose lines serve this one too.
CREATE TABLE ingests (
    id           INTEGER PRIMARY KEY,
    source       TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    prompt       INTEGER NOT NULL REFERENCES prompts (id),
    ingested_at  TEXT NOT NULL,
    lines        INTEGER NOT NULL,
    good         INTEGER NOT NULL,
    added        INTEGER NOT NULL,
    known        INTEGER NOT NULL,
    duplicates   INTEGER NOT NULL,
    bad          INTEGER NOT NULL,
    first_job    INTEGER,
    last_job     INTEGER,
    lines_of     INTEGER REFERENCES ingests (id)
) STRICT;
CREATE INDEX ingests_by_sha256 ON ingests (sha256, prompt);

-- Processes that work. Their counters are written with each commit, so that sums need no long scan.
CREATE TABLE workers (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    host           TEXT NOT NULL,
    pid            INTEGER NOT NULL,
    started_at     TEXT NOT NULL,
    seen_at        TEXT NOT NULL,
    ended_at       TEXT,
    ending         TEXT,
    calls          INTEGER NOT NULL DEFAULT 0,
    retries        INTEGER NOT NULL DEFAULT 0,
    done           INTEGER NOT NULL DEFAULT 0,
    failed         INTEGER NOT NULL DEFAULT 0,
    input_tokens   INTEGER NOT NULL DEFAULT 0,
    output_tokens  INTEGER NOT NULL DEFAULT 0,
    cost_usd       REAL NOT NULL DEFAULT 0,
    unpriced       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Distinct requests. error_code is the last attempt's, kept here so that failures can be grouped at once.
CREATE TABLE jobs (
    id            INTEGER PRIMARY KEY,
    key           BLOB NOT NULL UNIQUE,
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

-- Which job each good line asks for. artist_data only where the line's differs from the job's, which
-- happens when the request does not send it.
CREATE TABLE ingest_lines (
    ingest       INTEGER NOT NULL REFERENCES ingests (id),
    line         INTEGER NOT NULL,
    job          INTEGER NOT NULL REFERENCES jobs (id),
    artist_data  TEXT,
    PRIMARY KEY (ingest, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX ingest_lines_by_job ON ingest_lines (job, ingest);

-- Lines skipped, and why.
CREATE TABLE bad_lines (
    ingest     INTEGER NOT NULL REFERENCES ingests (id),
    line       INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    beginning  TEXT NOT NULL,
    PRIMARY KEY (ingest, line)
) STRICT, WITHOUT ROWID;

-- One row per attempt at a job. number starts again at 1 after a retry by hand.
CREATE TABLE attempts (
    id             INTEGER PRIMARY KEY,
    job            INTEGER NOT NULL REFERENCES jobs (id),
    number         INTEGER NOT NULL,
    worker         INTEGER NOT NULL REFERENCES workers (id),
    started_at     TEXT NOT NULL,
    ended_at       TEXT NOT NULL,
    calls          INTEGER NOT NULL,
    outcome        TEXT NOT NULL CHECK (outcome IN ('done', 'retry', 'failed', 'released', 'died')),
    http_status    INTEGER,
    error_type     TEXT,
    error_code     TEXT,
    error_message  TEXT,
    request_id     TEXT
) STRICT;
CREATE INDEX attempts_by_job ON attempts (job);

-- Whatever the API answered, late answers and incomplete ones too: it was paid for.
-- body is the whole response. text is read out of it, and stored apart only where that gives another text.
CREATE TABLE answers (
    id                  INTEGER PRIMARY KEY,
    job                 INTEGER NOT NULL REFERENCES jobs (id),
    attempt             INTEGER NOT NULL,
    worker              INTEGER NOT NULL REFERENCES workers (id),
    received_at         TEXT NOT NULL,
    late                INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
    response_id         TEXT,
    created             INTEGER,
    status              TEXT,
    model               TEXT,
    service_tier        TEXT,
    input_tokens        INTEGER,
    cached_tokens       INTEGER,
    cache_write_tokens  INTEGER,
    output_tokens       INTEGER,
    reasoning_tokens    INTEGER,
    total_tokens        INTEGER,
    cost_usd            REAL,
    seconds             REAL NOT NULL,
    text_path           TEXT,
    text_apart          TEXT,
    body                TEXT NOT NULL,
    text                TEXT GENERATED ALWAYS AS (coalesce(text_apart, json_extract(body, text_path))) VIRTUAL
) STRICT;
CREATE INDEX answers_by_job ON answers (job);
