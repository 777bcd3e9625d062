-- Drop the jobs that failed with an error code: they count no longer as failed, and no retry takes them.
UPDATE jobs
   SET error_code = 'user:dropped'
 WHERE state = 'failed'
   AND error_code = %(code)s::text
   AND (%(prompt)s::bigint IS NULL OR prompt = %(prompt)s::bigint)
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
