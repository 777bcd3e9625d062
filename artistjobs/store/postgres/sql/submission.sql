-- The response that the service makes for a job in the background.
SELECT job, response_id, "window", submitted_at, reserved_usd FROM submissions WHERE job = %(job)s::bigint
