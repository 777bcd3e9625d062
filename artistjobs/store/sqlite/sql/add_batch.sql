-- Add a batch without lines.
INSERT INTO batches (id, uuid, state, model, driver, created_at)
VALUES (:batch, :uuid, 'prepared', :model, :worker, :now)
