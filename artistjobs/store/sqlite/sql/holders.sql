-- Workers that may have died: those without a recorded end, and those that still hold jobs. Batches live on
-- without a process.
SELECT id AS worker, host, pid, ended_at IS NOT NULL AS has_ended
  FROM workers
 WHERE kind = 'process'
   AND (ended_at IS NULL
        OR id IN (SELECT claimed_by FROM jobs INDEXED BY jobs_running WHERE state = 'running'))
