-- Number of the last change of what a worker holds back. The row is locked, because a session whose connection broke may
-- still be about to commit.
SELECT changes FROM workers WHERE id = %(worker)s::bigint FOR UPDATE
