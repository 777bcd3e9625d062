-- Link each good line of an ingest to its job if every line became a new job: the ids are consecutive,
-- so the keys need no look-up.
INSERT INTO ingest_lines (ingest, line, job)
SELECT %(ingest)s::bigint, line, %(first_job)s::bigint - 1 + n FROM staged
