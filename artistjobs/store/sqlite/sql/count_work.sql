-- Add the totals of this transaction to the worker's counters, and update seen_at.
UPDATE workers
   SET seen_at = :now,
       calls = calls + :calls,
       retries = retries + :retries,
       done = done + :done,
       failed = failed + :failed,
       input_tokens = input_tokens + :input_tokens,
       cached_tokens = cached_tokens + :cached_tokens,
       output_tokens = output_tokens + :output_tokens,
       cost_usd = cost_usd + :cost_usd,
       unpriced = unpriced + :unpriced,
       lost_usd = lost_usd + :lost_usd,
       -- A rounding error counts as 0, since other workers would wait for it to become free.
       reserved_usd = iif(reserved_usd - :reserved_usd < 1e-9, 0, reserved_usd - :reserved_usd),
       margin_usd = iif(margin_usd - :margin_usd < 1e-9, 0, margin_usd - :margin_usd)
 WHERE id = :worker
