-- How many answers there are at most: their ids run without gaps.
SELECT coalesce(max(id), 0) AS last FROM answers
