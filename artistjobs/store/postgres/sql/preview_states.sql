-- Number of known jobs by state.
SELECT jobs.state, count(*) AS jobs
  FROM (SELECT DISTINCT key FROM asked) AS asked
  JOIN jobs ON jobs.key = asked.key
 GROUP BY jobs.state
