-- Free money that was held back for calls that were not made. A rounding error counts as 0, as in count_work.
UPDATE workers
   SET reserved_usd = CASE WHEN reserved_usd - %(usd)s::float8 < 1e-9 THEN 0 ELSE reserved_usd - %(usd)s::float8 END,
       margin_usd = CASE WHEN margin_usd - %(margin)s::float8 < 1e-9 THEN 0 ELSE margin_usd - %(margin)s::float8 END
 WHERE id = %(worker)s::bigint
