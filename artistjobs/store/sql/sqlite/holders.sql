-- Workers that hold jobs, and how many.
SELECT claimed_by AS worker, count(*) AS jobs
  FROM jobs INDEXED BY jobs_running
 WHERE state = 'running'
 GROUP BY claimed_by
