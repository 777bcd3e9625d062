-- Link each good line of an ingest to its job.
INSERT INTO ingest_lines (ingest, line, job, artist_data, columns)
SELECT %(ingest)s::bigint, staged.line, jobs.id,
       CASE WHEN staged.artist_data <> jobs.artist_data THEN staged.artist_data END,
       CASE WHEN jobs.header IS DISTINCT FROM %(header)s::bigint OR staged.columns <> jobs.columns THEN staged.columns END
  FROM staged
  JOIN jobs ON jobs.key = staged.key
 ORDER BY staged.n
