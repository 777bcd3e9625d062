-- A prompt configuration other than one.
SELECT id FROM prompts WHERE id IS NOT :prompt LIMIT 1
