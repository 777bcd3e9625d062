-- Other workers without a recorded end: how many of them have a recent heartbeat, and the others, which may have died.
-- With is_thorough also those that have ended and still hold jobs; while a snapshot is held, the index of the running
-- jobs keeps an entry for each job that was claimed since. Batches live on without a process.
SELECT count(*) FILTER (WHERE age <= make_interval(secs => %(dead_seconds)s::float8)) AS living,
       coalesce(array_agg(id) FILTER (WHERE age > make_interval(secs => %(dead_seconds)s::float8)), '{}') AS late
  FROM (SELECT id, clock_timestamp() - seen_at AS age
          FROM workers
         WHERE kind = 'process'
           AND id IS DISTINCT FROM %(worker)s::bigint
           AND (ended_at IS NULL
                OR %(is_thorough)s::boolean AND id IN (SELECT claimed_by FROM jobs WHERE state = 'running'))) AS others
