-- Attempts that ended since :since, and those among them that brought an answer.
SELECT count(*) AS attempts, coalesce(sum(outcome = 'done'), 0) AS done
  FROM (SELECT outcome, ended_at FROM attempts ORDER BY id DESC LIMIT 20000)
 WHERE ended_at >= :since
