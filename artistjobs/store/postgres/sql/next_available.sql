-- Time at which the first pending job may be claimed (NULL for at once), and the number of pending jobs.
-- An available_at after latest is ignored, as in claim.sql.
SELECT CASE WHEN count(*) = count(available_at) FILTER (WHERE available_at <= %(latest)s::timestamptz)
            THEN min(available_at) END AS available_at,
       count(*) AS jobs
  FROM jobs
 WHERE state = 'pending'
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
