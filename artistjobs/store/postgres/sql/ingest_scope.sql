-- The ingest that holds an ingest's lines, and the first and last id of its jobs.
SELECT coalesce(lines_of, id) AS ingest, first_job, last_job, good - duplicates AS jobs
  FROM ingests
 WHERE id = coalesce(%(ingest)s::bigint, (SELECT max(id) FROM ingests))
