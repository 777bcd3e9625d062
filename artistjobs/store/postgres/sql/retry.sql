-- Make failed jobs pending again with attempts counted from 0 and no answer; earlier answers stay in the table answers.
-- Dropped jobs stay dropped unless they are named by their code or number.
-- With sent_as the jobs that were last sent as asked are sent as that prompt configuration from now on.
UPDATE jobs
   SET state = 'pending', attempt = 0, deaths = 0, error_code = NULL, available_at = NULL, answer = NULL,
       sent_as = CASE WHEN %(sent_as)s::bigint IS NULL THEN sent_as ELSE nullif(%(sent_as)s::bigint, prompt) END
 WHERE state = 'failed'
   AND (%(code)s::text IS NULL OR error_code = %(code)s::text)
   AND (error_code <> 'user:dropped' OR %(code)s::text IS NOT NULL OR %(job)s::bigint IS NOT NULL)
   AND (%(job)s::bigint IS NULL OR id = %(job)s::bigint)
   AND (%(asked)s::bigint IS NULL OR coalesce(sent_as, prompt) = %(asked)s::bigint)
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
