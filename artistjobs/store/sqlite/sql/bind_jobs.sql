-- Give up to :limit pending jobs of one model to a batch, oldest first; see claimable.sql.
UPDATE jobs
   SET state = 'running', claimed_by = :batch, claimed_at = :now, attempt = attempt + 1, available_at = NULL
 WHERE id IN (SELECT id
                FROM jobs INDEXED BY jobs_pending
               WHERE state = 'pending'
                 AND id BETWEEN :first_job AND :last_job
                 AND (available_at IS NULL OR available_at <= :now OR available_at > :latest)
                 AND coalesce(sent_as, prompt) IN (SELECT id FROM prompts WHERE model = :model)
                 AND (:ingest IS NULL OR EXISTS (
                      SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
               ORDER BY id
               LIMIT :limit)
