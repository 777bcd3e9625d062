-- Record each claim of a dead worker as an attempt: its call may have been made and charged.
INSERT INTO attempts (
    job, number, worker, started_at, ended_at, calls, outcome, error_code, error_message)
SELECT id, attempt, claimed_by, claimed_at, clock_timestamp(), 1, 'died', 'worker_died',
       'the worker died while it held the job'
  FROM jobs
 WHERE state = 'running' AND claimed_by = %(worker)s::bigint
