-- Final jobs with their texts as JSON. The text is NULL if it cannot be stored as text or the job failed.
SELECT jobs.id, coalesce(jobs.sent_as, jobs.prompt) AS prompt,
       convert_to(to_json(jobs.artist_name)::text, 'UTF8') AS artist_name,
       convert_to(to_json(coalesce(ingest_lines.artist_data, jobs.artist_data))::text, 'UTF8') AS artist_data,
       CASE WHEN jobs.state = 'done' THEN convert_to(to_json(answers.text)::text, 'UTF8') END AS text,
       convert_to(to_json(answers.response_id)::text, 'UTF8') AS response_id, answers.created,
       (SELECT header FROM ingests WHERE id = %(ingest)s::bigint) AS header,
       CASE WHEN (SELECT header FROM ingests WHERE id = %(ingest)s::bigint) IS NOT DISTINCT FROM jobs.header
            THEN coalesce(ingest_lines.columns, jobs.columns) ELSE ingest_lines.columns END AS columns
  FROM ingest_lines
  JOIN jobs ON jobs.id = ingest_lines.job
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE ingest_lines.ingest = %(ingest)s::bigint
   AND jobs.state IN (%(state)s::text, %(other_state)s::text)
   AND jobs.error_code IS DISTINCT FROM 'user:dropped'
   AND (%(prompt)s::bigint IS NULL OR jobs.prompt = %(prompt)s::bigint)
 ORDER BY ingest_lines.line
