-- Add one row per file read.
INSERT INTO ingests (
    source, sha256, prompt, ingested_at, lines, good, added, known, duplicates, bad, first_job, last_job, lines_of,
    header, read_as)
VALUES (
    %(source)s, %(sha256)s::text, %(prompt)s::bigint, %(now)s::timestamptz, %(lines)s::bigint, %(good)s::bigint, %(added)s::bigint, %(known)s::bigint, %(duplicates)s::bigint, %(bad)s::bigint,
    %(first_job)s::bigint, %(last_job)s::bigint, %(lines_of)s::bigint,
    %(header)s::bigint, %(read_as)s::text)
RETURNING id
