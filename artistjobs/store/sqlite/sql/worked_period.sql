-- Start of the first and end of the last of the workers with certain process ids that started since :since.
SELECT min(started_at) AS started_at, max(coalesce(ended_at, seen_at)) AS ended_at
  FROM workers
 WHERE kind = 'process' AND started_at >= :since AND host = :host AND pid IN (SELECT value FROM json_each(:pids))
