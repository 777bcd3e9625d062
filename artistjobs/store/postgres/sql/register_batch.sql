-- Add the holder of the jobs of a batch.
INSERT INTO workers (kind, host, pid, started_at, seen_at, cached_tokens) VALUES ('batch', '', 0, %(now)s::timestamptz, %(now)s::timestamptz, 0)
RETURNING id
