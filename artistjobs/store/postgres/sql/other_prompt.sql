-- A prompt configuration other than one.
SELECT id FROM prompts WHERE id IS DISTINCT FROM %(prompt)s::bigint LIMIT 1
