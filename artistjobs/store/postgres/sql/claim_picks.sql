-- Claim those of some jobs that may still be claimed: other workers may have been faster.
WITH claimable AS (
    SELECT id
      FROM jobs
     WHERE id = ANY (%(picks)s::bigint[])
       AND state = 'pending'
       AND (available_at IS NULL OR available_at <= %(now)s::timestamptz OR available_at > %(latest)s::timestamptz)
     ORDER BY id
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
