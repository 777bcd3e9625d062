-- Add the bad lines of an ingest.
INSERT INTO bad_lines (ingest, line, reason, beginning)
SELECT %(ingest)s::bigint, line, reason, beginning FROM staged_bad ORDER BY line
