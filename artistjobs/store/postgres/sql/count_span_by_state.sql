-- Jobs in each state of an ingest that has every job between two ids.
SELECT %(last_job)s::bigint - %(first_job)s::bigint + 1 AS total,
       (SELECT count(*) FROM jobs
         WHERE state = 'pending' AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint) AS pending,
       (SELECT count(*) FROM jobs
         WHERE state = 'running' AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint) AS running,
       (SELECT count(*) FROM jobs
         WHERE state = 'failed' AND error_code <> 'user:dropped'
           AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint) AS failed,
       (SELECT count(*) FROM jobs
         WHERE state = 'failed' AND error_code = 'user:dropped'
           AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint) AS dropped
