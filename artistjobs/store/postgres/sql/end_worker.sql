-- Record the end of a worker, by itself or by a rescue. Its calls in flight may have been charged.
UPDATE workers
   SET ended_at = clock_timestamp(),
       ending = %(ending)s::text,
       lost_usd = lost_usd + reserved_usd,
       reserved_usd = 0,
       margin_usd = 0
 WHERE id = %(worker)s::bigint AND ended_at IS NULL
