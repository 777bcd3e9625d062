-- Number of committed exchanges of a worker.
SELECT exchanges FROM workers WHERE id = %(worker)s
