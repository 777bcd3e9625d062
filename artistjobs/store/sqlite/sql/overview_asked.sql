-- Jobs of each prompt configuration in each state, the most frequent configuration first.
SELECT asked.prompt, prompts.prompt_id, prompts.version, prompts.prompt_file, prompts.model, prompts.params,
       prompts.created_at,
       asked.total, asked.pending, asked.running, asked.failed, asked.dropped
  FROM (SELECT prompt, count(*) AS total, sum(state = 'pending') AS pending, sum(state = 'running') AS running,
               coalesce(sum(state = 'failed' AND error_code <> 'user:dropped'), 0) AS failed,
               coalesce(sum(state = 'failed' AND error_code = 'user:dropped'), 0) AS dropped
          FROM jobs
         GROUP BY prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt
 WHERE :prompt IS NULL OR asked.prompt = :prompt
 ORDER BY asked.total DESC, asked.prompt
