-- Note that nobody here knows which job is suspected of the death of a worker that had not been told to stop.
UPDATE workers SET unexplained = 1 WHERE id = %(worker)s::bigint AND ending IS NULL AND ended_at IS NULL
