-- The latest 2,000 answers: cost, day of arrival as a number, and seconds of the call. If jobs are pending, only
-- answers for the prompt configurations of the first and the last pending job, since the forecast concerns those.
WITH ahead AS (
    SELECT prompt FROM jobs
     WHERE id IN ((SELECT min(id) FROM jobs WHERE state = 'pending'),
                  (SELECT max(id) FROM jobs WHERE state = 'pending'))
)
SELECT latest.cost_usd, (extract(epoch FROM latest.received_at) / 86400)::float8 AS received_day, latest.seconds
  FROM (SELECT id, job, cost_usd, seconds, received_at FROM answers ORDER BY id DESC LIMIT 2000) AS latest
  JOIN jobs ON jobs.id = latest.job
 WHERE CASE WHEN %(prompt)s::bigint IS NULL
            THEN NOT EXISTS (SELECT 1 FROM ahead) OR jobs.prompt IN (SELECT prompt FROM ahead)
            ELSE jobs.prompt = %(prompt)s::bigint END
 ORDER BY received_day
