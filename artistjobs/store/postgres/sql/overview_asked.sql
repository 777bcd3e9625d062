-- Jobs of each prompt configuration in each state, the most frequent configuration first.
SELECT asked.prompt, prompts.prompt_id, prompts.version, prompts.prompt_file, prompts.model, prompts.params,
       prompts.created_at,
       asked.total, asked.pending, asked.running, asked.failed, asked.dropped
  FROM (SELECT prompt, count(*) AS total, count(*) FILTER (WHERE state = 'pending') AS pending,
               count(*) FILTER (WHERE state = 'running') AS running,
               count(*) FILTER (WHERE state = 'failed' AND error_code <> 'user:dropped') AS failed,
               count(*) FILTER (WHERE state = 'failed' AND error_code = 'user:dropped') AS dropped
          FROM jobs
         GROUP BY prompt) AS asked
  JOIN prompts ON prompts.id = asked.prompt
 WHERE %(prompt)s::bigint IS NULL OR asked.prompt = %(prompt)s::bigint
 ORDER BY asked.total DESC, asked.prompt
