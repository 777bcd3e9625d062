-- Mark answers that arrived after their claims were lost.
UPDATE answers SET late = 1 WHERE id = ANY (%(answers)s::bigint[])
