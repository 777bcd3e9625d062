-- Jobs that a worker claimed at a moment.
SELECT id AS job, attempt, coalesce(sent_as, prompt) AS prompt, artist_name, artist_data,
       jobs.header,
       CASE WHEN jobs.header IS NOT NULL AND (SELECT prompts.columns <> '[]' FROM prompts
                                               WHERE prompts.id = jobs.prompt) THEN jobs.columns END AS columns
  FROM jobs
 WHERE state = 'running' AND claimed_by = %(worker)s AND claimed_at = %(claimed_at)s::timestamptz
 ORDER BY id
