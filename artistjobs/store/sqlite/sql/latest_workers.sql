-- Workers that have not ended, as far as the table knows, with what they did.
SELECT id AS worker, host, pid, started_at, seen_at, done, failed, calls
  FROM workers
 WHERE ended_at IS NULL
 ORDER BY id
