-- Final jobs in the given states as JSON, oldest first. The text is copied from the body with its JSON escapes, which
-- avoids decoding and encoding it. It is NULL if it is stored apart or the job failed.
SELECT jobs.id, coalesce(jobs.sent_as, jobs.prompt) AS prompt,
       CAST(json_quote(jobs.artist_name) AS BLOB) AS artist_name,
       CAST(json_quote(jobs.artist_data) AS BLOB) AS artist_data,
       CASE WHEN jobs.state = 'done' AND answers.text_apart IS NULL
            THEN CAST(answers.body -> answers.text_path AS BLOB) END AS text,
       CAST(json_quote(answers.response_id) AS BLOB) AS response_id, answers.created,
       jobs.header, jobs.columns
  FROM jobs
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state IN (:state, :other_state)
   AND jobs.error_code IS NOT 'user:dropped'
   AND (:prompt IS NULL OR jobs.prompt = :prompt)
 ORDER BY jobs.id
