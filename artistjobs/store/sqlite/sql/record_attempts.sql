-- Add one row per attempt, whether its claim is still held or not.
INSERT INTO attempts (
    job, number, worker, started_at, ended_at, calls, outcome,
    http_status, error_type, error_code, error_message, request_id, lost_usd)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
