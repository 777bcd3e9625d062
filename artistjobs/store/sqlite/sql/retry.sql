-- Make failed jobs pending again with attempts counted from 0 and no answer; earlier answers stay in the table answers.
-- Dropped jobs stay dropped unless they are named by their code or number.
-- With :sent_as the jobs that were last sent as :asked are sent as that prompt configuration from now on.
UPDATE jobs INDEXED BY jobs_failed
   SET state = 'pending', attempt = 0, deaths = 0, error_code = NULL, available_at = NULL, answer = NULL,
       sent_as = CASE WHEN :sent_as IS NULL THEN sent_as ELSE nullif(:sent_as, prompt) END
 WHERE state = 'failed'
   AND (:code IS NULL OR error_code = :code)
   AND (error_code <> 'user:dropped' OR :code IS NOT NULL OR :job IS NOT NULL)
   AND (:job IS NULL OR id = :job)
   AND (:asked IS NULL OR coalesce(sent_as, prompt) = :asked)
   AND id BETWEEN :first_job AND :last_job
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
