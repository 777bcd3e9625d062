-- Claim up to limit pending jobs above the floor, oldest first. Jobs that another transaction claims are skipped. The
-- floor keeps the cost independent of the number of finished jobs, whose index entries stay while a snapshot is held.
-- An available_at after latest was set by a wrong clock, so such a job can be claimed at once.
WITH claimable AS (
    SELECT id
      FROM jobs
     WHERE state = 'pending'
       AND id > %(floor)s::bigint
       AND id BETWEEN %(first_job)s::bigint AND %(last_job)s::bigint
       AND (available_at IS NULL OR available_at <= %(now)s::timestamptz OR available_at > %(latest)s::timestamptz)
       AND (%(ingest)s::bigint IS NULL OR EXISTS (
            SELECT 1 FROM ingest_lines
             WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = %(ingest)s::bigint))
     ORDER BY id
     LIMIT %(limit)s::bigint
       FOR UPDATE SKIP LOCKED
)
UPDATE jobs
   SET state = 'running',
       claimed_by = %(worker)s::bigint,
       claimed_at = %(claimed_at)s::timestamptz,
       attempt = attempt + 1,
       available_at = NULL
  FROM claimable
 WHERE jobs.id = claimable.id
RETURNING jobs.id AS job, jobs.attempt, coalesce(jobs.sent_as, jobs.prompt) AS prompt, jobs.artist_name, jobs.artist_data,
          jobs.header,
       CASE WHEN jobs.header IS NOT NULL AND (SELECT prompts.columns <> '[]' FROM prompts
                                               WHERE prompts.id = jobs.prompt) THEN jobs.columns END AS columns
