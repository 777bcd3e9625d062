-- Calls that may have been billed although no answer arrived, by error code, the most expensive first. Few people ask,
-- so there is no index.
SELECT coalesce(error_code, outcome) AS code, count(*) AS calls, sum(lost_usd) AS usd,
       min(started_at) AS first_at, max(started_at) AS last_at
  FROM attempts
 WHERE lost_usd > 0
 GROUP BY 1
 ORDER BY usd DESC, code
