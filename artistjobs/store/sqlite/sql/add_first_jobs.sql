-- Add a job for each staged line, in the order of the lines.
INSERT INTO jobs (key, prompt, artist_name, artist_data, header, columns)
SELECT key, :prompt, artist_name, artist_data, :header, columns FROM temp.staged ORDER BY n
