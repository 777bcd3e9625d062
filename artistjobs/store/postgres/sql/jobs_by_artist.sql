-- Jobs of an artist with exactly this name. Names have no index; a scan of a million jobs takes about 0.2 s.
SELECT id AS job, artist_name, artist_data, state, prompt, 0 AS distance
  FROM jobs
 WHERE artist_name = %(name)s::text
 ORDER BY id
 LIMIT %(limit)s::bigint
