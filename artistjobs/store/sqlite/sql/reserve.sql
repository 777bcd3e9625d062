-- Hold money back for a call if the cap leaves room for it beside the money that all workers have spent and held back.
-- A call that is alone in flight needs no room for its margin, which is for several calls that break a bound at once.
-- One statement under the write lock, so that two workers never reserve the same money.
UPDATE workers
   SET reserved_usd = reserved_usd + :usd,
       margin_usd = margin_usd + :margin
 WHERE id = :worker
   AND ((SELECT sum(cost_usd + lost_usd + reserved_usd + margin_usd) FROM workers) + :usd + :margin <= :cap
        OR (SELECT sum(cost_usd + lost_usd) + iif(max(reserved_usd + margin_usd) > 0, 9e999, 0) FROM workers)
           + :usd <= :cap)
