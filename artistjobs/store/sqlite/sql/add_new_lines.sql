-- Link each good line of an ingest to its job if every line became a new job: the ids are consecutive,
-- so the keys need no look-up.
INSERT INTO ingest_lines (ingest, line, job)
SELECT :ingest, line, :first_job - 1 + n FROM temp.staged ORDER BY n
