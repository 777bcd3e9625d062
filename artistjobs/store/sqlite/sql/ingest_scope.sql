-- Where an ingest's lines are recorded, and between which ids its jobs lie.
SELECT coalesce(lines_of, id) AS ingest, first_job, last_job, good - duplicates AS jobs
  FROM ingests
 WHERE id = coalesce(:ingest, (SELECT max(id) FROM ingests))
