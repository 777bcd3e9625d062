-- Add to the money that a worker has reserved.
UPDATE workers SET reserved_usd = reserved_usd + %(usd)s::float8 WHERE id = %(worker)s::bigint
