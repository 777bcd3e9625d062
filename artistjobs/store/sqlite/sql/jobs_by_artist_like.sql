-- Jobs of artists with this name in another case (1), with names that begin with it (2) or
-- contain it (3); the closest first.
SELECT id AS job, artist_name, artist_data, state, prompt,
       CASE instr(folded(artist_name), :folded) WHEN 1 THEN 1 + (folded(artist_name) <> :folded) ELSE 3 END AS distance
  FROM jobs
 WHERE instr(folded(artist_name), :folded) > 0
 ORDER BY distance, id
 LIMIT :limit
