-- The latest ingest of the same content asked in the same way.
SELECT coalesce(lines_of, id) AS id, lines, good, added, known, duplicates, bad, first_job, last_job
  FROM ingests
 WHERE sha256 = :sha256 AND prompt = :prompt
 ORDER BY id DESC
 LIMIT 1
