-- Workers that may have died: those without a recorded end, and those that still hold jobs. Batches live on without a
-- process.
SELECT id AS worker
  FROM workers
 WHERE kind = 'process'
   AND (ended_at IS NULL OR id IN (SELECT claimed_by FROM jobs WHERE state = 'running'))
