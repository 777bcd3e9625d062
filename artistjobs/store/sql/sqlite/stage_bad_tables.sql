-- The same for lines that are skipped.
CREATE TEMP TABLE IF NOT EXISTS staged_bad (line INTEGER PRIMARY KEY, reason TEXT, beginning TEXT)
