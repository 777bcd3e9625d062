-- Drop pending jobs: they are not asked, and count neither as pending nor as failed.
UPDATE jobs INDEXED BY jobs_pending
   SET state = 'failed', error_code = 'user:dropped', attempt = max(attempt, 1), available_at = NULL
 WHERE state = 'pending'
   AND (:prompt IS NULL OR prompt = :prompt)
   AND id BETWEEN :first_job AND :last_job
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
