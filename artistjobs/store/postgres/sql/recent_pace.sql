-- Attempts that ended since since, and the number of those with an answer.
SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome = 'done') AS done
  FROM (SELECT outcome, ended_at FROM attempts ORDER BY id DESC LIMIT 20000) AS latest
 WHERE ended_at >= %(since)s::timestamptz
