-- The lists of column names of the jobs in a scope, the oldest first.
SELECT id, names
  FROM headers
 WHERE id IN (SELECT header FROM ingests
               WHERE (id = %(ingest)s::bigint OR (%(ingest)s::bigint IS NULL AND added > 0)) AND (%(prompt)s::bigint IS NULL OR prompt = %(prompt)s::bigint))
 ORDER BY id
