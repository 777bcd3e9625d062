-- The jobs that a batch holds, in the order of its lines, after after.
SELECT id AS job, attempt, coalesce(sent_as, prompt) AS prompt, artist_name, artist_data, header, columns
  FROM jobs
 WHERE state = 'running' AND claimed_by = %(batch)s::bigint AND id > %(after)s::bigint
 ORDER BY id
 LIMIT %(limit)s::bigint
