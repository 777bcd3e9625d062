-- Start and end of each worker, in seconds after the epoch. The end of a dead worker is recorded by the process that
-- rescues its jobs, maybe days later, so its last seen_at is closer to the truth.
SELECT (julianday(started_at) - 2440587.5) * 86400 AS start,
       (julianday(CASE ending WHEN 'died' THEN seen_at ELSE coalesce(ended_at, seen_at) END) - 2440587.5) * 86400 AS end,
       ending
  FROM workers
 WHERE kind = 'process'
 ORDER BY started_at
