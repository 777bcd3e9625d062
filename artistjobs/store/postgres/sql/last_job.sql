-- The last id of a job, 0 if there is none, and whether there is a job for the first of the staged lines.
SELECT (SELECT coalesce(max(id), 0) FROM jobs) AS job,
       EXISTS (SELECT 1 FROM staged JOIN jobs ON jobs.key = staged.key WHERE staged.n = 1) AS is_known
