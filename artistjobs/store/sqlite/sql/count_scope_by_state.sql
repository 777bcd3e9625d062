-- Jobs of one ingest in each state.
SELECT count(*) AS total,
       coalesce(sum(state = 'pending'), 0) AS pending,
       coalesce(sum(state = 'running'), 0) AS running,
       coalesce(sum(state = 'failed' AND error_code <> 'user:dropped'), 0) AS failed,
       coalesce(sum(state = 'failed' AND error_code = 'user:dropped'), 0) AS dropped
  FROM jobs
 WHERE id IN (SELECT job FROM ingest_lines WHERE ingest = :ingest)
