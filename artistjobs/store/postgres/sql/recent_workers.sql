-- Workers that ran at some time since a moment, and the end of each; a living worker may have been seen earlier.
SELECT id AS worker, host, pid, started_at, coalesce(ended_at, seen_at) AS until, ended_at IS NULL AS is_open
  FROM workers
 WHERE kind = 'process' AND (ended_at IS NULL OR ended_at >= %(since)s::timestamptz)
 ORDER BY started_at
