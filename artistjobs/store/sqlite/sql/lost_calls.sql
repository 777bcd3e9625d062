-- Calls that may have been billed although no answer arrived, by error code, the most expensive first.
SELECT coalesce(error_code, outcome) AS code, count(*) AS calls, sum(lost_usd) AS usd,
       min(started_at) AS first_at, max(started_at) AS last_at
  FROM attempts INDEXED BY attempts_lost
 WHERE lost_usd > 0
 GROUP BY 1
 ORDER BY usd DESC, code
