-- Note that the death of a worker is explained; no row if another process was faster.
UPDATE workers SET unexplained = 0 WHERE id = %(worker)s::bigint AND unexplained = 1
