-- Jobs in each state, counted in the small indexes. A job that is neither pending, running nor failed is done.
SELECT (SELECT coalesce(sum(added), 0)::bigint FROM ingests) AS total,
       (SELECT count(*) FROM jobs WHERE state = 'pending') AS pending,
       (SELECT count(*) FROM jobs WHERE state = 'running') AS running,
       (SELECT count(*) FROM jobs WHERE state = 'failed') AS failed
