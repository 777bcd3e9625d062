-- Number of known jobs by state. The keys are looked up in the order of the index.
SELECT jobs.state, count(*) AS jobs
  FROM (SELECT key FROM temp.asked GROUP BY key ORDER BY key) AS asked
  JOIN jobs ON jobs.key = asked.key
 GROUP BY jobs.state
