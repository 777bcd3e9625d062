-- Add a worker.
INSERT INTO workers (host, pid, started_at, seen_at, cached_tokens)
VALUES (%(host)s, %(pid)s, clock_timestamp(), clock_timestamp(), 0)
RETURNING id, token::text AS token
