-- Upper bound of the number of answers: their ids have no gaps.
SELECT coalesce(max(id), 0) AS last FROM answers
