-- Number of these artists that another prompt configuration asked for, too.
SELECT count(*)
  FROM (SELECT DISTINCT jobs.artist_name, jobs.artist_data
          FROM jobs
         WHERE jobs.prompt IS NOT :prompt
           AND EXISTS (SELECT 1 FROM temp.again
                        WHERE again.artist_name = jobs.artist_name AND again.artist_data = jobs.artist_data))
