-- What is said to the workers of this database from another terminal: one row for each thing that was ever said.
-- Where paused has a value, no worker makes a new call. Of the others NULL takes away what was set; they are for the
-- workers that lived when they were said, which a worker tells by the revision it found when it began.
CREATE TABLE controls (
    name        TEXT PRIMARY KEY CHECK (name IN ('paused', 'max_workers', 'rpm', 'tpm', 'max_cost_usd')),
    value       REAL,
    revision    INTEGER NOT NULL UNIQUE,
    changed_at  TEXT NOT NULL,
    CHECK (name <> 'max_workers' OR value >= 1)
) STRICT, WITHOUT ROWID;
