-- From when to when each worker worked, in seconds after the epoch. The end of one that died is written down by
-- whoever finds out, maybe days later: its last sign of life is nearer to the truth.
SELECT (julianday(started_at) - 2440587.5) * 86400 AS start,
       (julianday(CASE ending WHEN 'died' THEN seen_at ELSE coalesce(ended_at, seen_at) END) - 2440587.5) * 86400 AS end,
       ending
  FROM workers
 ORDER BY started_at
