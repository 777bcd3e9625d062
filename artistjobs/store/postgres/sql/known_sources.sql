-- The files that rows were read from, with the SHA-256 of their content.
SELECT DISTINCT source, sha256
  FROM ingests
