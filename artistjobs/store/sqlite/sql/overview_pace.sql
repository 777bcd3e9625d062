-- Attempts that ended in each time bucket of :slot_seconds: the number of failed ones, and the number of answers by
-- latency, in steps of about 2 %, of at least 0.01 s.
SELECT start, CAST(seconds / width AS INTEGER) * width AS low, width, sum(outcome = 'done') AS done,
       sum(outcome IN ('failed', 'died')) AS failed
  FROM (SELECT start, outcome, seconds,
               CASE WHEN seconds IS NULL THEN NULL WHEN seconds < 2 THEN 0.01 WHEN seconds < 10 THEN 0.05
                    WHEN seconds < 50 THEN 0.25 WHEN seconds < 200 THEN 1.0 WHEN seconds < 1000 THEN 5.0
                    ELSE 50.0 END AS width
          FROM (SELECT CAST(strftime('%s', ended_at) AS INTEGER) / :slot_seconds * :slot_seconds AS start, outcome,
                       CASE WHEN outcome = 'done'
                            THEN max(0, (julianday(ended_at) - julianday(started_at)) * 86400) END AS seconds
                  FROM attempts
                 WHERE :prompt IS NULL OR (SELECT prompt FROM jobs WHERE jobs.id = attempts.job) = :prompt))
 GROUP BY start, low
 ORDER BY start, low
