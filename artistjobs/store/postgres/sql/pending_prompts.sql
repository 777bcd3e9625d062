-- Prompt configurations of the pending jobs of a scope, as they will be sent.
SELECT prompts.id AS prompt
  FROM prompts
 WHERE EXISTS (
        SELECT 1
          FROM jobs
         WHERE state = 'pending'
           AND coalesce(sent_as, prompt) = prompts.id
           AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
           AND (%(ingest)s::bigint IS NULL OR EXISTS (
                SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint)))
 ORDER BY prompts.id
