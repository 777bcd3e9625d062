-- Workers that may have died: those that have not ended, and those that hold jobs all the same.
SELECT id AS worker FROM workers WHERE ended_at IS NULL
UNION
SELECT claimed_by FROM jobs INDEXED BY jobs_running WHERE state = 'running'
