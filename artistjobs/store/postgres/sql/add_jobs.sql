-- Add a job for each staged key that is new, in the order of the lines and with consecutive ids. The caller lets one
-- ingest at a time do so.
INSERT INTO jobs (id, key, prompt, artist_name, artist_data, header, columns)
SELECT (SELECT coalesce(max(id), 0) FROM jobs) + row_number() OVER (ORDER BY staged.n),
       staged.key, %(prompt)s, staged.artist_name, staged.artist_data, %(header)s::bigint, staged.columns
  FROM staged
  JOIN (SELECT min(n) AS n FROM staged GROUP BY key) AS first ON first.n = staged.n
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = staged.key)
 ORDER BY staged.n
