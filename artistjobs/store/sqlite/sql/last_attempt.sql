-- A job's name and the attempt that failed it. One that came late has another outcome.
SELECT jobs.artist_name, attempts.http_status, attempts.error_type, attempts.error_message
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (
        SELECT max(id) FROM attempts WHERE attempts.job = jobs.id AND attempts.outcome IN ('failed', 'died'))
 WHERE jobs.id = :job
