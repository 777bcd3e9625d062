-- Add a job for each staged line, in the order of the lines.
INSERT INTO jobs (key, prompt, artist_name, artist_data)
SELECT key, :prompt, artist_name, artist_data FROM temp.staged ORDER BY n
