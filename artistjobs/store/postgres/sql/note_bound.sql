-- Record what bounds the run of a worker.
UPDATE workers SET bounded_by = %(bound)s::text WHERE id = %(worker)s::bigint AND ended_at IS NULL
