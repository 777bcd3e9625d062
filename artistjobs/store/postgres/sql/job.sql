-- One job.
SELECT id AS job, artist_name, artist_data, state, attempt AS attempts, prompt, sent_as, header, columns, error_code, answer, claimed_by AS worker,
       available_at
  FROM jobs
 WHERE id = %(job)s::bigint
