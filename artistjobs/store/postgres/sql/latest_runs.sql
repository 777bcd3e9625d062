-- The latest workers with their totals, the newest first.
SELECT id AS worker, host, pid, started_at, seen_at, ended_at, ending, done, failed, calls, retries,
       input_tokens, output_tokens, cost_usd, unpriced, bounded_by
  FROM workers
 WHERE kind = 'process'
 ORDER BY id DESC
 LIMIT %(limit)s::bigint
