-- Those of some workers that have ended, or were found dead.
SELECT id AS worker, unexplained FROM workers WHERE id = ANY (%(workers)s::bigint[]) AND ended_at IS NOT NULL
