-- Number of the last exchange of a worker that is on disk, and whether the worker is still registered. The row is locked,
-- because a session whose connection broke may still be about to commit.
SELECT exchanges, ended_at IS NULL AS is_registered
  FROM workers
 WHERE id = %(worker)s::bigint AND token = %(token)s::uuid
   FOR UPDATE
