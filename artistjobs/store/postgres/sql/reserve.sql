-- Hold money back for calls of this worker; the caller has checked that the cap leaves room for it.
UPDATE workers
   SET reserved_usd = reserved_usd + %(usd)s::float8,
       margin_usd = margin_usd + %(margin)s::float8
 WHERE id = %(worker)s::bigint
