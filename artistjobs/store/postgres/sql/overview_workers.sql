-- Start and end of each worker, in seconds after the epoch. The end of a dead worker is recorded by the process that
-- rescues its jobs, maybe days later, so its last seen_at is closer to the truth.
SELECT extract(epoch FROM started_at)::float8 AS start,
       extract(epoch FROM CASE ending WHEN 'died' THEN seen_at ELSE coalesce(ended_at, seen_at) END)::float8 AS end,
       ending
  FROM workers
 WHERE kind = 'process'
 ORDER BY workers.started_at
