-- Jobs in each state, counted in the small indexes. A job that is in none of these states is done.
SELECT (SELECT coalesce(sum(added), 0)::bigint FROM ingests) AS total,
       (SELECT count(*) FROM jobs WHERE state = 'pending') AS pending,
       (SELECT count(*) FROM jobs WHERE state = 'running') AS running,
       (SELECT count(*) FROM jobs WHERE state = 'failed' AND error_code <> 'user:dropped') AS failed,
       (SELECT count(*) FROM jobs WHERE state = 'failed' AND error_code = 'user:dropped') AS dropped
