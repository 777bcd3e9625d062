-- Number of jobs that other workers hold; those in batches come back only if a worker collects them.
SELECT count(*) AS jobs
  FROM jobs INDEXED BY jobs_running
 WHERE state = 'running'
   AND claimed_by IS NOT :worker
   AND claimed_by NOT IN (SELECT id FROM batches WHERE state <> 'closed')
   AND id BETWEEN :first_job AND :last_job
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
