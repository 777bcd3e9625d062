-- One row per attempt, whether its claim still stands or not.
INSERT INTO attempts (
    job, number, worker, started_at, ended_at, calls, outcome,
    http_status, error_type, error_code, error_message, request_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
