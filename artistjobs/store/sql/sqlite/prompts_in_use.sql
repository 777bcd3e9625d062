-- The ways of asking, oldest first.
SELECT id AS prompt, prompt_id, version, prompt_file, model FROM prompts ORDER BY id
