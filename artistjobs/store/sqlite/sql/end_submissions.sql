-- Forget responses whose answers, or losses, are recorded.
DELETE FROM submissions WHERE job IN (SELECT value FROM json_each(:jobs))
