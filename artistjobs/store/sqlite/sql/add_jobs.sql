-- A job for each staged request that is not known yet, in the order of the lines.
INSERT INTO jobs (key, prompt, artist_name, artist_data)
SELECT key, :prompt, artist_name, artist_data FROM temp.staged WHERE true ORDER BY n
ON CONFLICT (key) DO NOTHING
