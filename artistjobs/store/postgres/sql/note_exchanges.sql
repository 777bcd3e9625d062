-- Note that the exchanges of a worker up to a number are on disk.
UPDATE workers SET exchanges = greatest(exchanges, %(exchanges)s::bigint)
 WHERE id = %(worker)s::bigint AND token = %(token)s::uuid
