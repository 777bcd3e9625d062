-- Jobs about the same artists that another prompt configuration asked for, by configuration.
SELECT jobs.prompt, count(*) AS total,
       sum(jobs.state = 'pending') AS pending, sum(jobs.state = 'running') AS running,
       sum(jobs.state = 'failed' AND jobs.error_code <> 'user:dropped') AS failed,
       sum(jobs.state = 'failed' AND jobs.error_code = 'user:dropped') AS dropped
  FROM jobs
 WHERE jobs.prompt IS NOT :prompt
   AND EXISTS (SELECT 1 FROM temp.again
                WHERE again.artist_name = jobs.artist_name AND again.artist_data = jobs.artist_data)
 GROUP BY jobs.prompt
