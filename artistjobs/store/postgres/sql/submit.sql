-- Store the response that the service makes for a job in the background.
INSERT INTO submissions (job, response_id, "window", submitted_at, reserved_usd)
VALUES (%(job)s::bigint, %(response_id)s::text, %(window)s::text, %(submitted_at)s::timestamptz, %(reserved_usd)s::float8)
    ON CONFLICT (job) DO UPDATE
   SET response_id = excluded.response_id, "window" = excluded."window", submitted_at = excluded.submitted_at,
       reserved_usd = excluded.reserved_usd
