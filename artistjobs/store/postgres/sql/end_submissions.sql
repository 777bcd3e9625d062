-- Forget responses whose answers, or losses, are recorded.
DELETE FROM submissions WHERE job = ANY (%(jobs)s::bigint[])
