-- Ask for the cancellation of open batches: of one, or of all.
UPDATE batches
   SET cancel_asked_at = :now
 WHERE state NOT IN ('collected', 'closed') AND cancel_asked_at IS NULL AND (:batch IS NULL OR id = :batch)
