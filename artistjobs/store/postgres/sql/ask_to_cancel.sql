-- Ask for the cancellation of open batches: of one, or of all.
UPDATE batches
   SET cancel_asked_at = %(now)s::timestamptz
 WHERE state NOT IN ('collected', 'closed') AND cancel_asked_at IS NULL AND (%(batch)s::bigint IS NULL OR id = %(batch)s::bigint)
