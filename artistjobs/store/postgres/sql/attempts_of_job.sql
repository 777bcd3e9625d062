-- All attempts at a job, the oldest first.
SELECT number, worker, started_at, ended_at, calls, outcome, http_status AS status, error_type, error_code,
       error_message, request_id, lost_usd
  FROM attempts
 WHERE job = %(job)s::bigint
 ORDER BY id
