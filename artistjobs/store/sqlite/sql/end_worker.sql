-- A worker has ended, by itself or as found out by another one. The calls that it had in flight may be paid for.
UPDATE workers
   SET ended_at = :now,
       ending = :ending,
       lost_usd = lost_usd + reserved_usd,
       reserved_usd = 0
 WHERE id = :worker AND ended_at IS NULL
