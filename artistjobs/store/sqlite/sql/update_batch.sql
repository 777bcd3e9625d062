-- Change the state of a batch and the values that are given; NULL leaves a value as it is.
UPDATE batches
   SET state = :state,
       lines = coalesce(:lines, lines),
       bytes = coalesce(:bytes, bytes),
       tokens = coalesce(:tokens, tokens),
       reserved_usd = coalesce(:reserved_usd, reserved_usd),
       creates = creates + coalesce(:creates, 0),
       file_id = coalesce(:file_id, file_id),
       batch_id = coalesce(:batch_id, batch_id),
       output_file_id = coalesce(:output_file_id, output_file_id),
       error_file_id = coalesce(:error_file_id, error_file_id),
       service_status = coalesce(:service_status, service_status),
       service_total = coalesce(:service_total, service_total),
       service_completed = coalesce(:service_completed, service_completed),
       service_failed = coalesce(:service_failed, service_failed),
       creating_at = coalesce(:creating_at, creating_at),
       submitted_at = coalesce(:submitted_at, submitted_at),
       ended_at = coalesce(:ended_at, ended_at),
       closed_at = coalesce(:closed_at, closed_at),
       queue_limit = coalesce(:queue_limit, queue_limit),
       ending = coalesce(:ending, ending),
       error = coalesce(:error, error)
 WHERE id = :batch
