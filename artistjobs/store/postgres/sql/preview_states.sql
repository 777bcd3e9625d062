-- Number of known jobs by state.
SELECT CASE WHEN jobs.error_code = 'user:dropped' THEN 'dropped' ELSE jobs.state END AS state, count(*) AS jobs
  FROM (SELECT DISTINCT key FROM asked) AS asked
  JOIN jobs ON jobs.key = asked.key
 GROUP BY 1
