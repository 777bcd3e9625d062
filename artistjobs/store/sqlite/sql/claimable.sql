-- Up to :limit pending jobs, oldest first, as one JSON array, which is read in one step. The partial index keeps the
-- cost independent of the number of done jobs; naming it makes sure that it is used. An available_at after :latest
-- was set by a wrong clock, so such a job can be claimed at once. Columns are read only if the request uses some.
SELECT json_group_array(json_array(id, attempt + 1, prompt, artist_name, artist_data, header, columns))
  FROM (SELECT id, attempt, coalesce(sent_as, prompt) AS prompt, artist_name, artist_data,
               header, CASE WHEN header IS NOT NULL AND (SELECT prompts.columns <> '[]' FROM prompts
                                                          WHERE prompts.id = jobs.prompt) THEN columns END AS columns
          FROM jobs INDEXED BY jobs_pending
         WHERE state = 'pending'
           AND id BETWEEN :first_job AND :last_job
           AND (available_at IS NULL OR available_at <= :now OR available_at > :latest)
           AND (:ingest IS NULL OR EXISTS (
                SELECT 1 FROM ingest_lines WHERE ingest_lines.job = jobs.id AND ingest_lines.ingest = :ingest))
         ORDER BY id
         LIMIT :limit)
