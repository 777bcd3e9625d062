-- Rows that were asked with two prompt configurations, side by side, in the order of the first one. A row is a name with
-- its data as it stands in a file; two files may have it, and the request may leave the data out. Only ids are sorted
-- and joined, before the texts are read.
WITH asked AS MATERIALIZED (
    SELECT jobs.id AS job, jobs.prompt, jobs.artist_name,
           coalesce(ingest_lines.artist_data, jobs.artist_data) AS row_data, ingests.header,
           CASE WHEN ingests.header IS NOT DISTINCT FROM jobs.header
                THEN coalesce(ingest_lines.columns, jobs.columns) ELSE ingest_lines.columns END AS row_columns
      FROM jobs
      JOIN ingest_lines ON ingest_lines.job = jobs.id
      JOIN ingests ON ingests.id = ingest_lines.ingest
     WHERE jobs.prompt IN (%(first)s::bigint, %(second)s::bigint)
     GROUP BY jobs.id, row_data, ingests.header, row_columns
), paid AS MATERIALIZED (
    SELECT answers.job, sum(answers.input_tokens)::bigint AS input_tokens, sum(answers.output_tokens)::bigint AS output_tokens,
           sum(answers.cost_usd) AS cost_usd, count(*) FILTER (WHERE answers.cost_usd IS NULL) AS unpriced
      FROM answers
      JOIN jobs ON jobs.id = answers.job
     WHERE jobs.prompt IN (%(first)s::bigint, %(second)s::bigint)
     GROUP BY answers.job
)
SELECT pair.artist_name, pair.row_data, pair.header, pair.row_columns,
       first.id, coalesce(first.sent_as, first.prompt), first.state, first.error_code,
       first_answer.text, first_answer.model, first_answer.seconds,
       first_paid.input_tokens, first_paid.output_tokens, first_paid.cost_usd, first_paid.unpriced,
       second.id, coalesce(second.sent_as, second.prompt), second.state, second.error_code,
       second_answer.text, second_answer.model, second_answer.seconds,
       second_paid.input_tokens, second_paid.output_tokens, second_paid.cost_usd, second_paid.unpriced
  FROM (SELECT one.artist_name, one.row_data, one.header, one.row_columns, one.job AS first_job, other.job AS second_job
          FROM asked AS one
          JOIN asked AS other ON other.prompt = %(second)s::bigint
                             AND other.artist_name = one.artist_name
                             AND other.row_data = one.row_data
                             AND (other.header IS DISTINCT FROM one.header
                                  OR other.row_columns IS NOT DISTINCT FROM one.row_columns)
         WHERE one.prompt = %(first)s::bigint
) AS pair
  JOIN jobs AS first ON first.id = pair.first_job
  JOIN jobs AS second ON second.id = pair.second_job
  LEFT JOIN answers AS first_answer ON first_answer.id = first.answer
  LEFT JOIN answers AS second_answer ON second_answer.id = second.answer
  LEFT JOIN paid AS first_paid ON first_paid.job = pair.first_job
  LEFT JOIN paid AS second_paid ON second_paid.job = pair.second_job
 ORDER BY pair.first_job, pair.row_data
