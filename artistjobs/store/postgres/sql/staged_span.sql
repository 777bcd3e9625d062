-- Number of distinct jobs of the staged lines, and the first and last id.
SELECT count(DISTINCT jobs.id) AS jobs, min(jobs.id) AS first_job, max(jobs.id) AS last_job
  FROM staged
  JOIN jobs ON jobs.key = staged.key
