-- Some random jobs of a scope that may be claimed now. The small index is scanned once for many claims.
SELECT id
  FROM jobs
 WHERE state = 'pending'
   AND (available_at IS NULL OR available_at <= %(now)s::timestamptz OR available_at > %(latest)s::timestamptz)
   AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
   AND (%(ingest)s::bigint IS NULL OR EXISTS (
        SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
 ORDER BY random()
 LIMIT %(count)s::bigint
