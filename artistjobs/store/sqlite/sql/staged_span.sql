-- How many distinct jobs the staged lines ask for, and between which ids they lie.
SELECT count(DISTINCT jobs.id) AS jobs, min(jobs.id) AS first_job, max(jobs.id) AS last_job
  FROM temp.staged
  JOIN jobs ON jobs.key = staged.key
