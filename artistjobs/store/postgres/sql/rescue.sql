-- Free the jobs of a dead worker. A job is suspected of the death if its call began or ended last, or if it was the only
-- one, unless the worker had been told to stop. A job that is suspected of too many deaths fails. The attempt of a
-- response in the background does not count: it is fetched by the next worker.
UPDATE jobs
   SET attempt = attempt - (jobs.id IN (SELECT job FROM submissions)
                            AND NOT (deaths + 1 >= %(deaths_max)s::int AND suspected.is_it))::int,
       deaths = deaths + suspected.is_it::int,
       state = CASE WHEN deaths + 1 >= %(deaths_max)s::int AND suspected.is_it THEN 'failed' ELSE 'pending' END,
       error_code = CASE WHEN deaths + 1 >= %(deaths_max)s::int AND suspected.is_it THEN 'worker_died' END,
       claimed_by = NULL,
       claimed_at = NULL
  FROM (SELECT held.id,
               holder.ending IS NULL AND (%(is_alone)s::boolean AND held.id NOT IN (SELECT job FROM submissions)
                                          OR held.id IS NOT DISTINCT FROM %(suspect)s::bigint)
               AS is_it
          FROM jobs AS held
          JOIN workers AS holder ON holder.id = held.claimed_by
         WHERE held.state = 'running' AND held.claimed_by = %(worker)s::bigint) AS suspected
 WHERE jobs.id = suspected.id
RETURNING state
