-- Add the totals of this transaction to the worker's counters, and count the exchange.
UPDATE workers
   SET seen_at = clock_timestamp(),
       exchanges = greatest(exchanges, %(exchanges)s::bigint),
       calls = calls + %(calls)s::bigint,
       retries = retries + %(retries)s::bigint,
       done = done + %(done)s::bigint,
       failed = failed + %(failed)s::bigint,
       input_tokens = input_tokens + %(input_tokens)s::bigint,
       cached_tokens = cached_tokens + %(cached_tokens)s::bigint,
       output_tokens = output_tokens + %(output_tokens)s::bigint,
       cost_usd = cost_usd + %(cost_usd)s::float8,
       unpriced = unpriced + %(unpriced)s::bigint,
       lost_usd = lost_usd + %(lost_usd)s::float8,
       -- A rounding error counts as 0, since other workers would wait for it to become free.
       reserved_usd = CASE WHEN reserved_usd - %(reserved_usd)s::float8 < 1e-9 THEN 0
                           ELSE reserved_usd - %(reserved_usd)s::float8 END,
       margin_usd = CASE WHEN margin_usd - %(margin_usd)s::float8 < 1e-9 THEN 0
                         ELSE margin_usd - %(margin_usd)s::float8 END
 WHERE id = %(worker)s::bigint
RETURNING ended_at IS NULL AS is_registered
