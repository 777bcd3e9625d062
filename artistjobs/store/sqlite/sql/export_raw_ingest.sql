-- Final jobs as JSON for the lines of one ingest in the order of its file, with duplicates.
SELECT jobs.id, coalesce(jobs.sent_as, jobs.prompt) AS prompt,
       CAST(json_quote(jobs.artist_name) AS BLOB) AS artist_name,
       CAST(json_quote(coalesce(ingest_lines.artist_data, jobs.artist_data)) AS BLOB) AS artist_data,
       CASE WHEN jobs.state = 'done' AND answers.text_apart IS NULL
            THEN CAST(answers.body -> answers.text_path AS BLOB) END AS text,
       CAST(json_quote(answers.response_id) AS BLOB) AS response_id, answers.created,
       (SELECT header FROM ingests WHERE id = :ingest) AS header,
       CASE WHEN (SELECT header FROM ingests WHERE id = :ingest) IS jobs.header
            THEN coalesce(ingest_lines.columns, jobs.columns) ELSE ingest_lines.columns END AS columns
  FROM ingest_lines
  JOIN jobs ON jobs.id = ingest_lines.job
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE ingest_lines.ingest = :ingest
   AND jobs.state IN (:state, :other_state)
   AND jobs.error_code IS NOT 'user:dropped'
   AND (:prompt IS NULL OR jobs.prompt = :prompt)
 ORDER BY ingest_lines.line
