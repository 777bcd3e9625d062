-- Failed jobs with one code, oldest first, each with the attempt that ended it. A late attempt has another outcome.
SELECT jobs.id AS job, jobs.artist_name, jobs.artist_data, jobs.error_code AS code, attempts.http_status AS status,
       jobs.attempt AS attempts, attempts.ended_at AS failed_at, attempts.error_message AS message,
       attempts.request_id
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.state = 'failed' AND jobs.error_code = %(code)s::text
   AND (%(prompt)s::bigint IS NULL OR jobs.prompt = %(prompt)s::bigint)
 ORDER BY jobs.id
 LIMIT %(limit)s::bigint
