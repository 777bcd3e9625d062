-- Record each claim of a dead worker as an attempt: its call may have been made and charged. What was reserved for the
-- calls of the worker is attributed to them in equal shares. A response in the background is no lost call.
INSERT INTO attempts (
    job, number, worker, started_at, ended_at, calls, outcome, error_code, error_message, lost_usd)
SELECT id, attempt, claimed_by, claimed_at, clock_timestamp(), 1, 'died', 'worker_died',
       'the worker died while it held the job',
       (SELECT reserved_usd FROM workers WHERE id = %(worker)s::bigint) / count(*) OVER ()
  FROM jobs
 WHERE state = 'running' AND claimed_by = %(worker)s::bigint AND id NOT IN (SELECT job FROM submissions)
