-- Make failed jobs pending again with attempts counted from 0 and no answer; earlier answers stay in the table answers.
UPDATE jobs
   SET state = 'pending', attempt = 0, deaths = 0, error_code = NULL, available_at = NULL, answer = NULL
 WHERE state = 'failed'
   AND (%(code)s::text IS NULL OR error_code = %(code)s::text)
   AND (%(job)s::bigint IS NULL OR id = %(job)s::bigint)
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
