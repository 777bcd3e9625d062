-- Those of some responses that are stored.
SELECT answers.response_id
  FROM unnest(%(job)s::bigint[], %(response_id)s::text[]) AS given (job, response_id)
  JOIN answers ON answers.job = given.job AND answers.response_id = given.response_id
