-- Number of these artists that another prompt configuration asked for, too.
SELECT count(*) AS artists
  FROM (SELECT DISTINCT jobs.artist_name, jobs.artist_data
          FROM jobs
         WHERE jobs.prompt IS DISTINCT FROM %(prompt)s::bigint
           AND EXISTS (SELECT 1 FROM again
                        WHERE again.artist_name = jobs.artist_name AND again.artist_data = jobs.artist_data)) AS artists
