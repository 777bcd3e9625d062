-- The latest ingest of the same content with the same prompt configuration.
SELECT coalesce(lines_of, id) AS id, lines, good, added, known, duplicates, bad, first_job, last_job, header
  FROM ingests
 WHERE sha256 = %(sha256)s::text AND prompt = %(prompt)s::bigint AND read_as = %(read_as)s::text
 ORDER BY id DESC
 LIMIT 1
