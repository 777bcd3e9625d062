-- Give up to limit pending jobs of one model to a batch, oldest first; see claim.sql.
WITH claimable AS (
    SELECT id
      FROM jobs
     WHERE state = 'pending'
       AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
       AND (available_at IS NULL OR available_at <= %(now)s::timestamptz OR available_at > %(latest)s::timestamptz)
       AND coalesce(sent_as, prompt) IN (SELECT id FROM prompts WHERE model = %(model)s::text)
       AND (%(ingest)s::bigint IS NULL OR EXISTS (
            SELECT 1 FROM ingest_lines
             WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
     ORDER BY id
     LIMIT %(limit)s::bigint
       FOR UPDATE SKIP LOCKED
)
UPDATE jobs
   SET state = 'running', claimed_by = %(batch)s::bigint, claimed_at = %(now)s::timestamptz, attempt = attempt + 1,
       available_at = NULL
  FROM claimable
 WHERE jobs.id = claimable.id
