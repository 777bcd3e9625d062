-- Take up to :limit pending jobs for this worker, oldest first. The partial index makes it cost
-- the same however many jobs are done; naming it makes sure that it is used. A job that is to wait
-- for longer than ever asked for was given back by a clock that was wrong.
UPDATE jobs
   SET state = 'running',
       claimed_by = :worker,
       claimed_at = :now,
       attempt = attempt + 1,
       available_at = NULL
 WHERE id IN (
        SELECT id
          FROM jobs INDEXED BY jobs_pending
         WHERE state = 'pending'
           AND id BETWEEN :first_job AND :last_job
           AND (available_at IS NULL OR available_at <= :now OR available_at > :latest)
           AND (:ingest IS NULL OR EXISTS (
                SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
         ORDER BY id
         LIMIT :limit)
RETURNING id, attempt, prompt, artist_name, artist_data
