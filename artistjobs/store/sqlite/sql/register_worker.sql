-- Add a worker; its id is never reused.
INSERT INTO workers (host, pid, started_at, seen_at) VALUES (:host, :pid, :now, :now) RETURNING id
