-- Attempts that ended since :since, and the number of those with an answer.
SELECT count(*) AS attempts, coalesce(sum(outcome = 'done'), 0) AS done
  FROM (SELECT outcome, ended_at FROM attempts ORDER BY id DESC LIMIT 20000)
 WHERE ended_at >= :since
