-- Artist name of a job, and the attempt that failed it. A late attempt has another outcome.
SELECT jobs.artist_name, attempts.http_status, attempts.error_type, attempts.error_message
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.id = %(job)s::bigint
