-- One final job by its number.
SELECT jobs.id AS job, coalesce(jobs.sent_as, jobs.prompt) AS prompt, jobs.artist_name, jobs.artist_data, jobs.state, jobs.attempt AS attempts, jobs.error_code,
       answers.text, answers.response_id, answers.created, answers.received_at, answers.status,
       jobs.header, jobs.columns,
       answers.text_json AS unread_text
  FROM jobs
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE jobs.id = %(job)s::bigint
