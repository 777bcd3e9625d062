-- Drop pending jobs: they are not asked, and count neither as pending nor as failed.
UPDATE jobs
   SET state = 'failed', error_code = 'user:dropped', attempt = greatest(attempt, 1), available_at = NULL
 WHERE state = 'pending'
   AND (%(prompt)s::bigint IS NULL OR prompt = %(prompt)s::bigint)
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
