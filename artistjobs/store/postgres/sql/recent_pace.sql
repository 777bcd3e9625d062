-- Of the latest attempts, those that ended since a moment, the number with an answer, and the end of the first one.
SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome = 'done') AS done, min(ended_at) AS first
  FROM (SELECT job, outcome, ended_at FROM attempts ORDER BY id DESC LIMIT %(limit)s::bigint) AS latest
 WHERE ended_at >= %(since)s::timestamptz
   AND (%(prompt)s::bigint IS NULL OR (SELECT prompt FROM jobs WHERE jobs.id = job) = %(prompt)s::bigint)
