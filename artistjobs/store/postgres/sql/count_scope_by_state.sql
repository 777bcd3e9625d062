-- Jobs of one ingest in each state.
SELECT count(*) AS total,
       count(*) FILTER (WHERE state = 'pending') AS pending,
       count(*) FILTER (WHERE state = 'running') AS running,
       count(*) FILTER (WHERE state = 'failed') AS failed
  FROM jobs
 WHERE id IN (SELECT job FROM ingest_lines WHERE ingest = %(ingest)s::bigint)
