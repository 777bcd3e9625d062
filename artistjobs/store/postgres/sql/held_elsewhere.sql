-- Number of jobs that other workers hold.
SELECT count(*) AS jobs
  FROM jobs
 WHERE state = 'running'
   AND claimed_by IS DISTINCT FROM %(worker)s::bigint
   AND claimed_by NOT IN (SELECT id FROM batches WHERE state <> 'closed')
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
