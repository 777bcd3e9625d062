-- Free the jobs of a dead worker. A job is suspected of the death if its call began or ended last, or if it was the only
-- one, unless the worker had been told to stop. A job that is suspected of too many deaths fails. The attempt of a
-- response in the background does not count: it is fetched by the next worker.
UPDATE jobs
   SET attempt = attempt - (id IN (SELECT job FROM submissions)
                            AND NOT (deaths + 1 >= :deaths_max AND holder.may_blame
                                     AND (:is_alone OR jobs.id IS :suspect))),
       deaths = deaths + (holder.may_blame AND (:is_alone OR jobs.id IS :suspect)),
       state = CASE WHEN deaths + 1 >= :deaths_max AND holder.may_blame AND (:is_alone OR jobs.id IS :suspect)
                    THEN 'failed' ELSE 'pending' END,
       error_code = CASE WHEN deaths + 1 >= :deaths_max AND holder.may_blame AND (:is_alone OR jobs.id IS :suspect)
                         THEN 'worker_died' END,
       claimed_by = NULL,
       claimed_at = NULL
  FROM (SELECT ending IS NULL AS may_blame FROM workers WHERE id = :worker) AS holder
 WHERE jobs.state = 'running' AND jobs.claimed_by = :worker
RETURNING state
