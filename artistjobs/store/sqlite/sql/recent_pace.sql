-- Of the latest attempts, those that ended since :since, the number with an answer, and the end of the first one.
SELECT count(*) AS attempts, coalesce(sum(outcome = 'done'), 0) AS done, min(ended_at) AS first
  FROM (SELECT job, outcome, ended_at FROM attempts ORDER BY id DESC LIMIT :limit)
 WHERE ended_at >= :since
   AND (:prompt IS NULL OR (SELECT prompt FROM jobs WHERE jobs.id = job) = :prompt)
