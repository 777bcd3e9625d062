-- Those of the workers whose end is recorded.
SELECT id AS worker FROM workers WHERE ended_at IS NOT NULL AND id IN (SELECT value FROM json_each(:workers))
