-- Time at which the first pending job may be claimed ('' for at once), and the number of pending jobs.
-- An available_at after :latest is ignored, as in claimable.sql.
SELECT min(CASE WHEN available_at <= :latest THEN available_at ELSE '' END) AS available_at, count(*) AS jobs
  FROM jobs INDEXED BY jobs_pending
 WHERE state = 'pending'
   AND id BETWEEN :first_job AND :last_job
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
