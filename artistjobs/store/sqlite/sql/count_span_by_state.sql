-- Jobs in each state of an ingest that has every job between two ids.
SELECT :last_job - :first_job + 1 AS total,
       (SELECT count(*) FROM jobs INDEXED BY jobs_pending
         WHERE state = 'pending' AND id BETWEEN :first_job AND :last_job) AS pending,
       (SELECT count(*) FROM jobs INDEXED BY jobs_running
         WHERE state = 'running' AND id BETWEEN :first_job AND :last_job) AS running,
       (SELECT count(*) FROM jobs INDEXED BY jobs_failed
         WHERE state = 'failed' AND error_code <> 'user:dropped' AND id BETWEEN :first_job AND :last_job) AS failed,
       (SELECT count(*) FROM jobs INDEXED BY jobs_failed
         WHERE state = 'failed' AND error_code = 'user:dropped' AND id BETWEEN :first_job AND :last_job) AS dropped
