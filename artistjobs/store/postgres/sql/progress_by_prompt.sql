-- Progress of each prompt configuration without reading done jobs. An ingest has one configuration, and its new jobs
-- have the ids after those of the ingest before it. So each configuration has spans of ids, and the small indexes
-- count the jobs in them that are not done.
WITH edges AS (
    SELECT prompt, last_job, lead(prompt) OVER (ORDER BY id) AS next_prompt FROM ingests WHERE added > 0
), spans AS (
    SELECT prompt, coalesce(lag(last_job) OVER (ORDER BY last_job), 0) + 1 AS first, last_job AS last
      FROM edges
     WHERE next_prompt IS DISTINCT FROM prompt
), codes AS MATERIALIZED (
    SELECT DISTINCT error_code FROM jobs WHERE state = 'failed'
), live AS (
    SELECT prompt,
           sum((SELECT count(*) FROM jobs
                 WHERE state = 'pending' AND id BETWEEN first AND last)) AS pending,
           sum((SELECT sum((SELECT count(*) FROM jobs
                             WHERE state = 'failed' AND error_code = codes.error_code AND id BETWEEN first AND last))
                  FROM codes WHERE error_code <> 'user:dropped')) AS failed,
           sum((SELECT count(*) FROM jobs
                 WHERE state = 'failed' AND error_code = 'user:dropped' AND id BETWEEN first AND last)) AS dropped
      FROM spans
     GROUP BY prompt
)
SELECT prompts.id AS prompt, prompts.prompt_id, prompts.version, prompts.prompt_file, prompts.model, prompts.params,
       prompts.created_at,
       (SELECT sum(added) FROM ingests WHERE ingests.prompt = prompts.id)::bigint AS total,
       coalesce(live.pending, 0)::bigint AS pending,
       (SELECT count(*) FROM jobs
         WHERE state = 'running' AND jobs.prompt = prompts.id) AS running,
       coalesce(live.failed, 0)::bigint AS failed,
       coalesce(live.dropped, 0)::bigint AS dropped
  FROM prompts
  JOIN live ON live.prompt = prompts.id
 ORDER BY prompts.id
