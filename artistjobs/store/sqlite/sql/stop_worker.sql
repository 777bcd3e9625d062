-- Record why a worker was told to stop, while it still finishes its calls.
UPDATE workers SET ending = :ending WHERE id = :worker AND ended_at IS NULL
