-- Prompt configurations of the jobs of an ingest, or of all jobs. An ingest has one configuration; others were sent for
-- those of its jobs that were retried with changed fields.
SELECT id AS prompt
  FROM prompts
 WHERE :ingest IS NULL
    OR id = (SELECT prompt FROM ingests WHERE id = :ingest)
    OR id IN (SELECT sent_as
                FROM jobs INDEXED BY jobs_sent_as
               WHERE sent_as IS NOT NULL
                 AND EXISTS (SELECT 1 FROM ingest_lines
                              WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
 ORDER BY id
