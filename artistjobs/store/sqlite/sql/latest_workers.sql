-- Workers without a recorded end, with their totals.
SELECT id AS worker, host, pid, started_at, seen_at, ended_at, ending, done, failed, calls, retries,
       input_tokens, output_tokens, cost_usd, unpriced, bounded_by
  FROM workers
 WHERE kind = 'process' AND ended_at IS NULL
 ORDER BY id
