-- Change what a worker holds back for calls; the caller has checked that the cap leaves room for it. A rounding error
-- counts as 0, as in count_work. The number tells whether the change took effect if the reply to its commit is lost.
UPDATE workers
   SET reserved_usd = CASE WHEN reserved_usd + %(usd)s::float8 < 1e-9 THEN 0 ELSE reserved_usd + %(usd)s::float8 END,
       margin_usd = CASE WHEN margin_usd + %(margin)s::float8 < 1e-9 THEN 0 ELSE margin_usd + %(margin)s::float8 END,
       changes = %(number)s::bigint
 WHERE id = %(worker)s::bigint
