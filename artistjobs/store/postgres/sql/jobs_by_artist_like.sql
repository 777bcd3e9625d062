-- Jobs of artists with this name in another case (1), with names that begin with it (2) or
-- contain it (3); the closest first.
SELECT id AS job, artist_name, artist_data, state, prompt,
       CASE strpos(lower(artist_name COLLATE "default"), lower(%(name)s::text COLLATE "default"))
            WHEN 1 THEN 1 + (lower(artist_name COLLATE "default") <> lower(%(name)s::text COLLATE "default"))::int
            ELSE 3 END AS distance
  FROM jobs
 WHERE strpos(lower(artist_name COLLATE "default"), lower(%(name)s::text COLLATE "default")) > 0
 ORDER BY distance, id
 LIMIT %(limit)s::bigint
