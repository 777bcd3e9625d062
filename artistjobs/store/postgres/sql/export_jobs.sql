-- Final jobs in the given states, oldest first.
SELECT jobs.id, coalesce(jobs.sent_as, jobs.prompt) AS prompt, jobs.artist_name, jobs.artist_data, jobs.state, jobs.attempt, jobs.error_code,
       answers.text, answers.response_id, answers.created, answers.received_at, answers.status,
       jobs.header, jobs.columns,
       answers.text_json AS unread_text
  FROM jobs
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state IN (%(state)s::text, %(other_state)s::text)
   AND jobs.error_code IS DISTINCT FROM 'user:dropped'
   AND (%(prompt)s::bigint IS NULL OR jobs.prompt = %(prompt)s::bigint)
 ORDER BY jobs.id
