-- The same where every line became a new job: their ids are one after another, with no look at the keys.
INSERT INTO ingest_lines (ingest, line, job)
SELECT :ingest, line, :first_job - 1 + n FROM temp.staged ORDER BY n
