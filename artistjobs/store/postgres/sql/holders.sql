-- Workers that may have died: those without a recorded end, and those that still hold jobs.
SELECT id AS worker
  FROM workers
 WHERE ended_at IS NULL
UNION
SELECT claimed_by FROM jobs WHERE state = 'running'
