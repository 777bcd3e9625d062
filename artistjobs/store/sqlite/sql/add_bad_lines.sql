-- Add the bad lines of an ingest.
INSERT INTO bad_lines (ingest, line, reason, beginning)
SELECT :ingest, line, reason, beginning FROM temp.staged_bad ORDER BY line
