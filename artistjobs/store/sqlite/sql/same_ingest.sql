-- The latest ingest of the same content with the same prompt configuration.
SELECT coalesce(lines_of, id) AS id, lines, good, added, known, duplicates, bad, first_job, last_job, header
  FROM ingests
 WHERE sha256 = :sha256 AND prompt = :prompt AND read_as = :read_as
 ORDER BY id DESC
 LIMIT 1
