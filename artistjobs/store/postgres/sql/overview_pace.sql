-- Attempts that ended in each time bucket: the number of failed ones, and the number of answers by latency, in steps of
-- about 2 %%, of at least 0.01 s.
SELECT start, floor(seconds / width) * width AS low, width, count(*) FILTER (WHERE outcome = 'done') AS done,
       count(*) FILTER (WHERE outcome IN ('failed', 'died')) AS failed
  FROM (SELECT start, outcome, seconds,
               CASE WHEN seconds IS NULL THEN NULL WHEN seconds < 2 THEN 0.01::float8 WHEN seconds < 10 THEN 0.05
                    WHEN seconds < 50 THEN 0.25 WHEN seconds < 200 THEN 1.0 WHEN seconds < 1000 THEN 5.0
                    ELSE 50.0 END AS width
          FROM (SELECT (floor(extract(epoch FROM ended_at))::bigint / %(slot_seconds)s::bigint) * %(slot_seconds)s::bigint
                       AS start, outcome,
                       CASE WHEN outcome = 'done'
                            THEN greatest(0, extract(epoch FROM ended_at - started_at))::float8 END AS seconds
                  FROM attempts
                 WHERE %(prompt)s::bigint IS NULL
                    OR (SELECT prompt FROM jobs WHERE jobs.id = attempts.job) = %(prompt)s::bigint) AS timed) AS sized
 GROUP BY start, low, width
 ORDER BY start, low NULLS FIRST
