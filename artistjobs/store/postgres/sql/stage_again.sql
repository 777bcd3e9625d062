-- The staged artists that a new job would ask about.
CREATE TEMP TABLE again AS
SELECT DISTINCT artist_name, artist_data
  FROM staged
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = staged.key)
