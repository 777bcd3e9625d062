-- Number of jobs and of those that are done, in every version of the schema.
SELECT count(*) AS jobs, coalesce(sum(state = 'done'), 0) AS done FROM jobs
