-- Some random jobs of a scope that may be claimed now. The small index is scanned once for many claims.
SELECT id
  FROM jobs INDEXED BY jobs_pending
 WHERE state = 'pending'
   AND id BETWEEN :first_job AND :last_job
   AND (available_at IS NULL OR available_at <= :now OR available_at > :latest)
   AND (:ingest IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
 ORDER BY random()
 LIMIT :count
