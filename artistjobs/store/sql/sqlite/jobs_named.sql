-- Jobs about an artist of exactly this name. Names have no index: a million jobs are looked through at about 10 a microsecond.
SELECT id AS job, artist_name, artist_data, state, prompt, 0 AS distance
  FROM jobs
 WHERE artist_name = :name
 ORDER BY id
 LIMIT :limit
