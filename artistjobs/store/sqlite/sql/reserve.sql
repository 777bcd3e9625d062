-- Reserve money for a call if the cap leaves room for it beside the money that all workers have spent and reserved.
-- One statement under the write lock, so that two workers never reserve the same money.
UPDATE workers
   SET reserved_usd = reserved_usd + :usd
 WHERE id = :worker
   AND (SELECT sum(cost_usd + lost_usd + reserved_usd) FROM workers) + :usd <= :cap
