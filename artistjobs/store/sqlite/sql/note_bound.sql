-- Record what bounds the run of a worker.
UPDATE workers SET bounded_by = :bound WHERE id = :worker AND ended_at IS NULL
