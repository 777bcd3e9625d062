-- All prompt configurations, without their texts, the oldest first.
SELECT id AS prompt, prompt_id, version, prompt_file, model, params, created_at FROM prompts ORDER BY id
