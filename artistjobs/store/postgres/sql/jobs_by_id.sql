-- Jobs by their numbers, and whether a batch holds them.
SELECT id AS job, attempt, coalesce(sent_as, prompt) AS prompt, artist_name, artist_data, header, columns,
       state = 'running' AND claimed_by = %(batch)s::bigint AS is_held
  FROM jobs
 WHERE id = ANY (%(jobs)s::bigint[])
