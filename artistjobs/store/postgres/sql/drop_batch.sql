-- Take back a batch for which there were no jobs.
DELETE FROM batches WHERE id = %(batch)s::bigint
