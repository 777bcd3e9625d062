-- Add a worker; its id is never reused.
INSERT INTO workers (host, pid, started_at, seen_at, cached_tokens) VALUES (:host, :pid, :now, :now, 0) RETURNING id
