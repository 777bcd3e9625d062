-- Answers to a job that did not fit its schema and whose correction was due, in the present round of attempts. Numbers
-- start again at 1 after a retry by hand, so an attempt with the same or a lower number ends an earlier round.
SELECT answers.text, answers.text_json AS unread_text, attempts.error_message AS reason
  FROM attempts
  JOIN answers ON answers.job = attempts.job
              AND answers.attempt = attempts.number
              AND answers.received_at = attempts.ended_at
 WHERE attempts.job = %(job)s::bigint
   AND attempts.number < %(attempt)s::int
   AND attempts.outcome = 'retry'
   AND attempts.error_code = %(code)s::text
   AND NOT EXISTS (
        SELECT 1 FROM attempts AS later
         WHERE later.job = attempts.job AND later.id > attempts.id AND later.number <= attempts.number)
 ORDER BY attempts.id
