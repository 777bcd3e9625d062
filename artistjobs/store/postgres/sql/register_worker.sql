-- Add a worker.
INSERT INTO workers (host, pid, started_at, seen_at)
VALUES (%(host)s, %(pid)s, clock_timestamp(), clock_timestamp())
RETURNING id, token::text AS token
