-- Failed jobs, oldest first, each with the attempt that ended it. Only the ids are sorted, however many there are.
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code AS code, attempts.http_status AS status,
       jobs.attempt AS attempts, attempts.ended_at AS failed_at, attempts.error_message AS message,
       attempts.request_id
  FROM (SELECT id
          FROM jobs
         WHERE state = 'failed' AND error_code <> 'user:dropped' AND (%(code)s::text IS NULL OR error_code = %(code)s::text)
           AND (%(prompt)s::bigint IS NULL OR prompt = %(prompt)s::bigint)
         ORDER BY id
         LIMIT %(limit)s::bigint) AS failed
  JOIN jobs ON jobs.id = failed.id
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 ORDER BY jobs.id
