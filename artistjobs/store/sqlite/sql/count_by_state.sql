-- Jobs in each state, counted in the small indexes. A job that is neither pending, running nor failed is done.
SELECT (SELECT coalesce(sum(added), 0) FROM ingests) AS total,
       (SELECT count(*) FROM jobs INDEXED BY jobs_pending WHERE state = 'pending') AS pending,
       (SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 'running') AS running,
       (SELECT count(*) FROM jobs INDEXED BY jobs_failed WHERE state = 'failed') AS failed
