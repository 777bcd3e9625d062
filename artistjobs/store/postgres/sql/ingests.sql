-- All files read, the oldest first.
SELECT id AS ingest, ingested_at, source, prompt, lines, good, added, known, duplicates, bad FROM ingests ORDER BY id
