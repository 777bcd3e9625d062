-- A process that works makes itself known; its id is never used again.
INSERT INTO workers (host, pid, started_at, seen_at) VALUES (:host, :pid, :now, :now) RETURNING id
