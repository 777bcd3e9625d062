-- Link each good line of an ingest to its job.
INSERT INTO ingest_lines (ingest, line, job, artist_data)
SELECT %(ingest)s::bigint, staged.line, jobs.id,
       CASE WHEN staged.artist_data <> jobs.artist_data THEN staged.artist_data END
  FROM staged
  JOIN jobs ON jobs.key = staged.key
 ORDER BY staged.n
