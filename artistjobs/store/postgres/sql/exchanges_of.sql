-- Number of the last exchange of a worker.
SELECT exchanges FROM workers WHERE id = %(worker)s::bigint
