-- Prompt configurations of the jobs of an ingest, or of all jobs. An ingest has one configuration; others were sent for
-- those of its jobs that were retried with changed fields. A retry never changes the question, so the jobs are searched
-- only for configurations with the same question, and for most ingests not at all.
SELECT prompts.id AS prompt
  FROM prompts
  LEFT JOIN (SELECT prompts.id, prompts.prompt_id, prompts.version, prompts.prompt_sha256, prompts.instructions_sha256
               FROM prompts
               JOIN ingests ON ingests.prompt = prompts.id
              WHERE ingests.id = %(ingest)s::bigint) AS ingested ON true
 WHERE %(ingest)s::bigint IS NULL
    OR prompts.id = ingested.id
    OR (prompts.prompt_id IS NOT DISTINCT FROM ingested.prompt_id
        AND prompts.version IS NOT DISTINCT FROM ingested.version
        AND prompts.prompt_sha256 IS NOT DISTINCT FROM ingested.prompt_sha256
        AND prompts.instructions_sha256 IS NOT DISTINCT FROM ingested.instructions_sha256
        AND EXISTS (SELECT 1 FROM jobs WHERE jobs.sent_as = prompts.id AND jobs.prompt = ingested.id))
 ORDER BY prompts.id
