-- Those of some jobs that may still be claimed, as claimable.sql returns them: other workers may have been faster.
SELECT json_group_array(json_array(id, attempt + 1, coalesce(sent_as, prompt), artist_name, artist_data))
  FROM jobs
 WHERE id IN (SELECT value FROM json_each(:picks))
   AND state = 'pending'
   AND (available_at IS NULL OR available_at <= :now OR available_at > :latest)
