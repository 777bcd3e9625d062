-- Definitions of the indexes of jobs that are faster to build at once than row by row.
SELECT pg_get_indexdef(to_regclass(name)::oid) AS definition
  FROM unnest(ARRAY['jobs_by_key', 'jobs_pending']) AS names (name)
