-- Jobs of one ingest in each state.
SELECT count(*) AS total,
       count(*) FILTER (WHERE state = 'pending') AS pending,
       count(*) FILTER (WHERE state = 'running') AS running,
       count(*) FILTER (WHERE state = 'failed' AND error_code <> 'user:dropped') AS failed,
       count(*) FILTER (WHERE state = 'failed' AND error_code = 'user:dropped') AS dropped
  FROM jobs
 WHERE id IN (SELECT job FROM ingest_lines WHERE ingest = %(ingest)s::bigint)
