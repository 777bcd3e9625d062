-- The first completed job whose answer has an id in a range.
SELECT answers.body, jobs.id AS job, jobs.artist_name, jobs.artist_data, answers.text, answers.model, answers.service_tier,
       answers.input_tokens, answers.output_tokens, answers.cost_usd, answers.seconds, answers.received_at,
       answers.text_json AS unread_text
  FROM answers
  JOIN jobs ON jobs.id = answers.job AND jobs.answer = answers.id
 WHERE answers.id BETWEEN %(first)s::bigint AND %(last)s::bigint AND jobs.state = 'done'
   AND (%(prompt)s::bigint IS NULL OR jobs.prompt = %(prompt)s::bigint)
 ORDER BY answers.id
 LIMIT 1
