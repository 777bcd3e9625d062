-- The id of a way of asking.
SELECT id FROM prompts WHERE key = :key
