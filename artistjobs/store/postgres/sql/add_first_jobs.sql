-- Add a job for each staged line, all with new keys, with consecutive ids in the order of the lines after the last one.
INSERT INTO jobs (id, key, prompt, artist_name, artist_data, header, columns)
SELECT %(last_job)s::bigint + n, key, %(prompt)s::bigint, artist_name, artist_data, %(header)s::bigint, columns
  FROM staged
