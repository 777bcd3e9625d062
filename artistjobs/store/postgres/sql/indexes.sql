-- Statements that remove and define the indexes of a table that are faster to build at once than row by row.
SELECT format('DROP INDEX %%s', indexrelid::regclass) AS removal, pg_get_indexdef(indexrelid) AS definition
  FROM pg_index
 WHERE indrelid = %(table)s::regclass
   AND indexrelid IN (
       to_regclass('jobs_by_key'), to_regclass('jobs_pending'), to_regclass('ingest_lines_by_job'))
UNION ALL
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_constraint
 WHERE conrelid = %(table)s::regclass AND conname = 'ingest_lines_pkey'
