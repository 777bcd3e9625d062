-- Temporary table for the bad lines of a file.
CREATE TEMP TABLE staged_bad (line INTEGER PRIMARY KEY, reason TEXT, beginning TEXT)
