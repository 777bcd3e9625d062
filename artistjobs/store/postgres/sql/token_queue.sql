-- Tokens of the batches of a model that are in the queue of the service, and what its last refusal within a day taught.
SELECT coalesce((SELECT sum(tokens)::bigint
                   FROM batches
                  WHERE model = %(model)s::text AND state IN ('sealed', 'uploaded', 'creating', 'submitted')), 0) AS queued,
       (SELECT queue_limit
          FROM batches
         WHERE model = %(model)s::text AND queue_limit IS NOT NULL AND created_at >= %(since)s::timestamptz
         ORDER BY id DESC
         LIMIT 1) AS queue_limit
