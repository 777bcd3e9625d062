-- Jobs about the same artists that another prompt configuration asked for, by configuration.
SELECT jobs.prompt, count(*) AS total,
       count(*) FILTER (WHERE jobs.state = 'pending') AS pending,
       count(*) FILTER (WHERE jobs.state = 'running') AS running,
       count(*) FILTER (WHERE jobs.state = 'failed' AND jobs.error_code <> 'user:dropped') AS failed,
       count(*) FILTER (WHERE jobs.state = 'failed' AND jobs.error_code = 'user:dropped') AS dropped
  FROM jobs
 WHERE jobs.prompt IS DISTINCT FROM %(prompt)s::bigint
   AND EXISTS (SELECT 1 FROM again
                WHERE again.artist_name = jobs.artist_name AND again.artist_data = jobs.artist_data)
 GROUP BY jobs.prompt
 ORDER BY jobs.prompt
