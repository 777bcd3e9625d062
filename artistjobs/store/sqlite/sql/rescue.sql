-- Free the jobs of a dead worker. A job is suspected of the death if its call began or ended last, or if it was the only
-- one, unless the worker had been told to stop. A job that is suspected of too many deaths fails. The attempt of a
-- response in the background does not count: it is fetched by the next worker.
UPDATE jobs
   SET attempt = attempt - (held.is_submitted AND NOT held.fails),
       deaths = jobs.deaths + held.is_suspected,
       state = iif(held.fails, 'failed', 'pending'),
       error_code = iif(held.fails, 'worker_died', NULL),
       claimed_by = NULL,
       claimed_at = NULL
  FROM (SELECT job, is_submitted, is_suspected, is_suspected AND deaths + 1 >= :deaths_max AS fails
          FROM (SELECT job, deaths, is_submitted,
                       ending IS NULL AND (:is_alone AND NOT is_submitted OR job IS :suspect) AS is_suspected
                  FROM (SELECT id AS job, deaths, claimed_by, id IN (SELECT job FROM submissions) AS is_submitted
                          FROM jobs INDEXED BY jobs_running
                         WHERE state = 'running' AND claimed_by = :worker)
                  JOIN workers ON workers.id = claimed_by) AS suspected) AS held
 WHERE jobs.id = held.job
RETURNING state
