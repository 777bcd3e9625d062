-- The last id of a job, 0 if there is none, and whether there is a job for one of the staged lines, mostly the first.
SELECT (SELECT coalesce(max(id), 0) FROM jobs) AS job,
       EXISTS (SELECT 1 FROM jobs WHERE key = (SELECT key FROM staged LIMIT 1)) AS is_known
