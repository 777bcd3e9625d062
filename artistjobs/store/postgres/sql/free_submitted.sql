-- Free what a dead worker held back for responses in the background: they are fetched, so their money is not lost.
UPDATE workers
   SET reserved_usd = greatest(0, reserved_usd - coalesce(
           (SELECT sum(submissions.reserved_usd)
              FROM submissions
              JOIN jobs ON jobs.id = submissions.job
             WHERE jobs.state = 'running' AND jobs.claimed_by = %(worker)s::bigint), 0))
 WHERE id = %(worker)s::bigint
