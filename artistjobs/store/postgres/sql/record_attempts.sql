-- Add one row per attempt, whether its claim is still held or not.
INSERT INTO attempts (
    job, number, worker, started_at, ended_at, calls, outcome,
    http_status, error_type, error_code, error_message, request_id, lost_usd)
SELECT * FROM unnest(
    %(job)s::bigint[],
    %(number)s::int[],
    %(worker)s::bigint[],
    %(started_at)s::timestamptz[],
    %(ended_at)s::timestamptz[],
    %(calls)s::int[],
    %(outcome)s::text[],
    %(http_status)s::int[],
    %(error_type)s::text[],
    %(error_code)s::text[],
    %(error_message)s::text[],
    %(request_id)s::text[],
    %(lost_usd)s::float8[])
