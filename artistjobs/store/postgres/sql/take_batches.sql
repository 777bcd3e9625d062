-- Let this worker drive the open batches that no worker drives.
UPDATE batches SET driver = %(worker)s::bigint WHERE state <> 'closed' AND driver IS NULL
