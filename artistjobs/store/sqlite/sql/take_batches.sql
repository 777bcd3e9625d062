-- Let this worker drive the open batches that no worker drives.
UPDATE batches SET driver = :worker WHERE state <> 'closed' AND driver IS NULL
