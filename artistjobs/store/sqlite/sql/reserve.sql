-- Have money held back for a call, if the cap leaves room for it beside all that is spent and held back by anyone.
-- One statement under the write lock: two workers never take the same room.
UPDATE workers
   SET reserved_usd = reserved_usd + :usd
 WHERE id = :worker
   AND (SELECT sum(cost_usd + lost_usd + reserved_usd) FROM workers) + :usd <= :cap
