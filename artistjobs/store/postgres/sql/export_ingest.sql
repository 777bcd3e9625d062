-- Final jobs for the lines of one ingest in the order of its file, with duplicates.
SELECT jobs.id, coalesce(jobs.sent_as, jobs.prompt) AS prompt, jobs.artist_name, coalesce(ingest_lines.artist_data, jobs.artist_data) AS artist_data,
       jobs.state, jobs.attempt, jobs.error_code,
       answers.text, answers.response_id, answers.created, answers.received_at, answers.status,
       (SELECT header FROM ingests WHERE id = %(ingest)s::bigint) AS header,
       CASE WHEN (SELECT header FROM ingests WHERE id = %(ingest)s::bigint) IS NOT DISTINCT FROM jobs.header
            THEN coalesce(ingest_lines.columns, jobs.columns) ELSE ingest_lines.columns END AS columns,
       answers.text_json AS unread_text
  FROM ingest_lines
  JOIN jobs ON jobs.id = ingest_lines.job
  LEFT JOIN answers ON answers.id = jobs.answer
 WHERE ingest_lines.ingest = %(ingest)s::bigint
   AND jobs.state IN (%(state)s::text, %(other_state)s::text)
   AND jobs.error_code IS DISTINCT FROM 'user:dropped'
   AND (%(prompt)s::bigint IS NULL OR jobs.prompt = %(prompt)s::bigint)
 ORDER BY ingest_lines.line
