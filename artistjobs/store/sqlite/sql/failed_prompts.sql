-- Prompt configurations of the failed jobs that a retry selects, as they were last sent.
SELECT DISTINCT coalesce(sent_as, prompt) AS prompt
  FROM jobs INDEXED BY jobs_failed
 WHERE state = 'failed'
   AND (:code IS NULL OR error_code = :code)
   AND (:job IS NULL OR id = :job)
   AND id BETWEEN :first_job AND :last_job
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
 ORDER BY prompt
