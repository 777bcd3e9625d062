-- Number of jobs that other workers hold, number of pending jobs, and the time at which the first of them may be claimed,
-- NULL for at once. An available_at after latest is ignored, as in exchange.sql. With the
-- revision of the latest change of a setting. One statement, since idle workers repeat it.
SELECT held.jobs AS held, pending.jobs, pending.available_at,
       (SELECT coalesce(max(revision), 0) FROM controls) AS revision
  FROM (SELECT count(*) AS jobs
          FROM jobs
         WHERE state = 'running'
           AND claimed_by IS DISTINCT FROM %(worker)s::bigint
           AND claimed_by NOT IN (SELECT id FROM batches WHERE state <> 'closed')
           AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
           AND (%(ingest)s::bigint IS NULL OR EXISTS (
                SELECT 1 FROM ingest_lines
                 WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))) AS held,
       (SELECT CASE WHEN count(*) = count(available_at) FILTER (WHERE available_at <= %(latest)s::timestamptz)
                    THEN min(available_at) END AS available_at,
               count(*) AS jobs
          FROM jobs
         WHERE state = 'pending'
           AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
           AND (%(ingest)s::bigint IS NULL OR EXISTS (
                SELECT 1 FROM ingest_lines
                 WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))) AS pending
