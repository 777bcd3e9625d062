-- Id of a prompt configuration.
SELECT id FROM prompts WHERE key = %(key)s::bytea
