-- All answers to a job; the one that settled it comes first.
SELECT answers.text, answers.body, answers.response_id, answers.created, answers.status, answers.model, answers.service_tier,
       answers.input_tokens, answers.cached_tokens, answers.output_tokens, answers.reasoning_tokens,
       answers.total_tokens, answers.cost_usd, answers.seconds, answers.received_at, answers.late, answers.way,
       (answers.id IS NOT DISTINCT FROM jobs.answer)::int AS is_kept,
       answers.text_json AS unread_text
  FROM answers
  JOIN jobs ON jobs.id = answers.job
 WHERE answers.job = %(job)s::bigint
 ORDER BY is_kept DESC, answers.id
