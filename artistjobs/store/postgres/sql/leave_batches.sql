-- Let another worker drive the batches of a worker that has ended or died.
UPDATE batches SET driver = NULL WHERE driver = %(worker)s::bigint AND state <> 'closed'
