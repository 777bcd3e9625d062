-- How many of them are known, by state; in the order of their keys, which is that of the index.
SELECT jobs.state, count(*) AS jobs
  FROM (SELECT key FROM temp.asked GROUP BY key ORDER BY key) AS asked
  JOIN jobs ON jobs.key = asked.key
 GROUP BY jobs.state
