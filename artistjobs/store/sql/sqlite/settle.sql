-- Record what an attempt came to for its job. Touches no row if the claim was lost meanwhile.
UPDATE jobs
   SET state = :state,
       attempt = :next_attempt,
       answer = CASE WHEN :state IN ('done', 'failed') THEN coalesce(:answer, answer) ELSE answer END,
       error_code = CASE WHEN :state = 'failed' THEN :error_code END,
       available_at = :available_at,
       claimed_by = CASE WHEN :state = 'running' THEN claimed_by END,
       claimed_at = CASE WHEN :state = 'running' THEN claimed_at END
 WHERE id = :job
   AND state = 'running'
   AND claimed_by = :worker
   AND attempt = :attempt
