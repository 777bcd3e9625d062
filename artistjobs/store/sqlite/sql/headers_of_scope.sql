-- The lists of column names of the jobs in a scope, the oldest first.
SELECT id, names
  FROM headers
 WHERE id IN (SELECT header FROM ingests
               WHERE (id = :ingest OR (:ingest IS NULL AND added > 0)) AND (:prompt IS NULL OR prompt = :prompt))
 ORDER BY id
