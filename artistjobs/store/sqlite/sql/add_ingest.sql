-- Add one row per file read.
INSERT INTO ingests (
    source, sha256, prompt, ingested_at, lines, good, added, known, duplicates, bad, first_job, last_job, lines_of,
    header, read_as)
VALUES (
    :source, :sha256, :prompt, :now, :lines, :good, :added, :known, :duplicates, :bad,
    :first_job, :last_job, :lines_of, :header, :read_as)
RETURNING id
