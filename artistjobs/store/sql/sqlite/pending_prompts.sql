-- The ways of asking that pending jobs have.
SELECT prompts.id AS prompt
  FROM prompts
 WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.state = 'pending' AND jobs.prompt = prompts.id)
 ORDER BY prompts.id
