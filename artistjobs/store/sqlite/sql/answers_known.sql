-- Which of the given answers to jobs are stored already, as a JSON array of response ids.
SELECT json_group_array(answers.response_id)
  FROM json_each(:answers) AS given
  JOIN answers ON answers.job = json_extract(given.value, '$[0]')
              AND answers.response_id = json_extract(given.value, '$[1]')
