-- Final jobs in the given states, oldest first.
SELECT jobs.id, coalesce(jobs.sent_as, jobs.prompt) AS prompt, jobs.artist_name, jobs.artist_data, jobs.state, jobs.attempt, jobs.error_code,
       answers.text, answers.response_id, answers.created, answers.received_at, answers.status,
       jobs.header, jobs.columns
  FROM jobs
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state IN (:state, :other_state)
   AND jobs.error_code IS NOT 'user:dropped'
   AND (:prompt IS NULL OR jobs.prompt = :prompt)
 ORDER BY jobs.id
