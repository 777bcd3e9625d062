-- Record each job of a batch that is given up as an attempt that may have been charged. What was reserved for the batch
-- is attributed to them in equal shares.
INSERT INTO attempts (
    job, number, worker, started_at, ended_at, calls, outcome, error_code, error_message, lost_usd)
SELECT id, attempt, claimed_by, claimed_at, clock_timestamp(), 1, 'released', 'batch_lost',
       'the service did not return the batch',
       (SELECT reserved_usd FROM workers WHERE id = %(worker)s::bigint) / count(*) OVER ()
  FROM jobs
 WHERE state = 'running' AND claimed_by = %(worker)s::bigint
