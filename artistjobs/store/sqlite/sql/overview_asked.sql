-- The jobs that each way of asking has in each state, the most frequent first.
SELECT asked.prompt, coalesce(prompts.prompt_id, prompts.prompt_file, 'a template') AS asked_with, prompts.version,
       prompts.model, prompts.params, asked.pending, asked.running, asked.done, asked.failed
  FROM (SELECT prompt, count(*) AS jobs, sum(state = 'pending') AS pending, sum(state = 'running') AS running,
               sum(state = 'done') AS done, sum(state = 'failed') AS failed
          FROM jobs
         GROUP BY prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt
 ORDER BY asked.jobs DESC, asked.prompt
