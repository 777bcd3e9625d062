-- Change the state of a batch and the values that are given; NULL leaves a value as it is.
UPDATE batches
   SET state = %(state)s::text,
       lines = coalesce(%(lines)s::bigint, lines),
       bytes = coalesce(%(bytes)s::bigint, bytes),
       tokens = coalesce(%(tokens)s::bigint, tokens),
       reserved_usd = coalesce(%(reserved_usd)s::float8, reserved_usd),
       creates = creates + coalesce(%(creates)s::bigint, 0),
       file_id = coalesce(%(file_id)s::text, file_id),
       batch_id = coalesce(%(batch_id)s::text, batch_id),
       output_file_id = coalesce(%(output_file_id)s::text, output_file_id),
       error_file_id = coalesce(%(error_file_id)s::text, error_file_id),
       service_status = coalesce(%(service_status)s::text, service_status),
       service_total = coalesce(%(service_total)s::bigint, service_total),
       service_completed = coalesce(%(service_completed)s::bigint, service_completed),
       service_failed = coalesce(%(service_failed)s::bigint, service_failed),
       creating_at = coalesce(%(creating_at)s::timestamptz, creating_at),
       submitted_at = coalesce(%(submitted_at)s::timestamptz, submitted_at),
       ended_at = coalesce(%(ended_at)s::timestamptz, ended_at),
       closed_at = coalesce(%(closed_at)s::timestamptz, closed_at),
       queue_limit = coalesce(%(queue_limit)s::bigint, queue_limit),
       ending = coalesce(%(ending)s::text, ending),
       error = coalesce(%(error)s::text, error)
 WHERE id = %(batch)s::bigint
