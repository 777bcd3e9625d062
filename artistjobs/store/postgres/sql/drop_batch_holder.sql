-- Take back the holder of a batch for which there were no jobs.
DELETE FROM workers WHERE id = %(batch)s::bigint
