-- Prompt configurations of the failed jobs that a retry selects, as they were last sent.
SELECT DISTINCT coalesce(sent_as, prompt) AS prompt
  FROM jobs
 WHERE state = 'failed'
   AND (%(code)s::text IS NULL OR error_code = %(code)s::text)
   AND (%(job)s::bigint IS NULL OR id = %(job)s::bigint)
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
 ORDER BY prompt
