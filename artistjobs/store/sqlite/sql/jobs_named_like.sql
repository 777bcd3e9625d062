-- Jobs about artists whose name is this one in other letters (1), begins with it (2), or holds it (3); the nearest first.
SELECT id AS job, artist_name, artist_data, state, prompt,
       CASE instr(folded(artist_name), :folded) WHEN 1 THEN 1 + (folded(artist_name) <> :folded) ELSE 3 END AS distance
  FROM jobs
 WHERE instr(folded(artist_name), :folded) > 0
 ORDER BY distance, id
 LIMIT :limit
