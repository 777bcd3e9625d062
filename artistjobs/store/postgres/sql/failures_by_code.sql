-- Failed jobs grouped by error code, the most frequent first, each group with one job as an example.
SELECT error_code AS code, count(*) AS jobs, min(id) AS example
  FROM jobs
 WHERE state = 'failed' AND error_code <> 'user:dropped' AND (%(prompt)s::bigint IS NULL OR prompt = %(prompt)s::bigint)
 GROUP BY error_code
 ORDER BY jobs DESC, code
