-- Batches that are not closed, the oldest first.
SELECT batches.id, batches.uuid, batches.state, batches.model, batches.driver, batches.lines, batches.bytes, batches.tokens,
       batches.reserved_usd, batches.creates, batches.file_id, batches.batch_id, batches.output_file_id,
       batches.error_file_id, batches.service_status, batches.service_total, batches.service_completed,
       batches.service_failed, batches.created_at, batches.creating_at, batches.submitted_at, batches.ended_at,
       batches.closed_at, batches.cancel_asked_at, batches.queue_limit, batches.ending, batches.error,
       workers.done, workers.failed, workers.retries, workers.cost_usd, workers.unpriced
  FROM batches
  JOIN workers ON workers.id = batches.id
 WHERE batches.state <> 'closed'
 ORDER BY batches.id
