-- The same for lines that are skipped.
CREATE TEMP TABLE staged_bad (line INTEGER PRIMARY KEY, reason TEXT, beginning TEXT)
