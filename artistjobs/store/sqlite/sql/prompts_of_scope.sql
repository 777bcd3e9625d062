-- Prompt configurations of the jobs of an ingest, or of all jobs. An ingest has one configuration.
SELECT id AS prompt
  FROM prompts
 WHERE :ingest IS NULL OR id = (SELECT prompt FROM ingests WHERE id = :ingest)
 ORDER BY id
