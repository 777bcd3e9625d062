-- The latest 2,000 answers: the cost of each, the day it came as a number, and how long its call took. Only those
-- to the ways of asking of the first and the last pending job, if there are any: they tell about what is ahead.
WITH ahead AS (
    SELECT prompt FROM jobs
     WHERE id IN ((SELECT min(id) FROM jobs INDEXED BY jobs_pending WHERE state = 'pending'),
                  (SELECT max(id) FROM jobs INDEXED BY jobs_pending WHERE state = 'pending'))
)
SELECT latest.cost_usd, julianday(latest.received_at) AS received_day, latest.seconds
  FROM (SELECT id, job, cost_usd, seconds, received_at FROM answers ORDER BY id DESC LIMIT 2000) AS latest
  JOIN jobs ON jobs.id = latest.job
 WHERE NOT EXISTS (SELECT 1 FROM ahead) OR jobs.prompt IN (SELECT prompt FROM ahead)
 ORDER BY received_day
