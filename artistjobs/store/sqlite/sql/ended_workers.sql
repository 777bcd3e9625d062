-- Those of the workers whose end is recorded, as DeathWatch takes them.
SELECT id AS worker, host, pid, 1 AS has_ended
  FROM workers
 WHERE ended_at IS NOT NULL
   AND id IN (SELECT value FROM json_each(:workers))
