-- Jobs of each prompt configuration in each state, the most frequent configuration first.
SELECT asked.prompt, prompts.prompt_id, prompts.version, prompts.prompt_file, prompts.model, prompts.params,
       asked.total, asked.pending, asked.running, asked.failed
  FROM (SELECT prompt, count(*) AS total, count(*) FILTER (WHERE state = 'pending') AS pending,
               count(*) FILTER (WHERE state = 'running') AS running,
               count(*) FILTER (WHERE state = 'failed') AS failed
          FROM jobs
         GROUP BY prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt
 ORDER BY asked.total DESC, asked.prompt
