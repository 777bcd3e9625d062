-- The staged artists that a new job would ask about. They are few or the file is new, so an index of them is made once.
CREATE TEMP TABLE again AS
SELECT DISTINCT artist_name, artist_data
  FROM temp.staged
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = staged.key)
