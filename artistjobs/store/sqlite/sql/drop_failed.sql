-- Drop the jobs that failed with an error code: they count no longer as failed, and no retry takes them.
UPDATE jobs INDEXED BY jobs_failed
   SET error_code = 'user:dropped'
 WHERE state = 'failed'
   AND error_code = :code
   AND (:prompt IS NULL OR prompt = :prompt)
   AND id BETWEEN :first_job AND :last_job
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
