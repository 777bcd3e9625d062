-- Those of some jobs that are still about the same artist: a failover may have forgotten an ingest, and given its ids away.
SELECT jobs.id AS job
  FROM unnest(%(job)s::bigint[], %(artist_name)s::text[], %(artist_data)s::text[]) AS given (job, artist_name, artist_data)
  JOIN jobs ON jobs.id = given.job
           AND jobs.artist_name = given.artist_name
           AND jobs.artist_data = given.artist_data
