-- Record why a worker was told to stop, while it still finishes its calls.
UPDATE workers SET ending = %(ending)s::text WHERE id = %(worker)s::bigint AND ended_at IS NULL
