-- Remove the temporary tables.
DROP TABLE IF EXISTS pg_temp.staged, pg_temp.staged_bad, pg_temp.again
