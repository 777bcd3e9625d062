-- Final jobs of the states asked for, oldest first. quoted is the text as it stands in the body, which spares reading
-- the escapes out of it and writing them again.
SELECT jobs.id, jobs.prompt, jobs.artist_name, jobs.artist_data, jobs.state, jobs.attempt, jobs.error_code,
       CASE WHEN NOT (:quoted AND jobs.state = 'done' AND answers.text_apart IS NULL) THEN answers.text END AS text,
       CASE WHEN :quoted AND jobs.state = 'done' AND answers.text_apart IS NULL
            THEN CAST(answers.body -> answers.text_path AS BLOB) END AS quoted,
       answers.response_id, answers.created, answers.received_at, answers.status
  FROM jobs
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state IN (:state, :other_state)
 ORDER BY jobs.id
