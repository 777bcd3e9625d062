-- A job's name and what its last attempt came to.
SELECT jobs.artist_name, attempts.http_status, attempts.error_type, attempts.error_message
  FROM jobs
  LEFT JOIN attempts ON attempts.id = (SELECT max(id) FROM attempts WHERE attempts.job = jobs.id)
 WHERE jobs.id = :job
