-- Input tokens of the answers that came from the prompt cache of the API. NULL for workers of earlier versions, which did
-- not count them; a share is then that of the other workers.
ALTER TABLE workers ADD COLUMN cached_tokens INTEGER;
