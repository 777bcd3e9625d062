-- The models that pending jobs ask for.
SELECT DISTINCT prompts.model
  FROM prompts
 WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.state = 'pending' AND jobs.prompt = prompts.id)
