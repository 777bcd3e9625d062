-- Those of some jobs that may still be claimed, as claimable.sql returns them: other workers may have been faster.
SELECT json_group_array(json_array(id, attempt + 1, coalesce(sent_as, prompt), artist_name, artist_data,
       header, CASE WHEN header IS NOT NULL AND (SELECT prompts.columns <> '[]' FROM prompts
                                                  WHERE prompts.id = jobs.prompt) THEN columns END))
  FROM jobs
 WHERE id IN (SELECT value FROM json_each(:picks))
   AND state = 'pending'
   AND (available_at IS NULL OR available_at <= :now OR available_at > :latest)
