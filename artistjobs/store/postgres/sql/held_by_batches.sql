-- Number of jobs in batches that are not closed.
SELECT count(*) AS jobs
  FROM jobs
 WHERE state = 'running'
   AND claimed_by IN (SELECT id FROM batches WHERE state <> 'closed')
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
