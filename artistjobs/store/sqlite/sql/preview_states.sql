-- Number of known jobs by state. The keys are looked up in the order of the index.
SELECT iif(jobs.error_code IS 'user:dropped', 'dropped', jobs.state) AS state, count(*) AS jobs
  FROM (SELECT key FROM temp.asked GROUP BY key ORDER BY key) AS asked
  JOIN jobs ON jobs.key = asked.key
 GROUP BY 1
