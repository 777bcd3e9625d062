-- Start of the first and end of the last of the workers with certain process ids that started since a moment.
SELECT min(started_at) AS started_at, max(coalesce(ended_at, seen_at)) AS ended_at
  FROM workers
 WHERE kind = 'process' AND started_at >= %(since)s::timestamptz
   AND host = %(host)s::text
   AND pid IN (SELECT value::bigint FROM jsonb_array_elements_text(%(pids)s::jsonb))
