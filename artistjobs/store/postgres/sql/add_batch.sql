-- Add a batch without lines.
INSERT INTO batches (id, uuid, state, model, driver, created_at)
VALUES (%(batch)s::bigint, %(uuid)s::text, 'prepared', %(model)s::text, %(worker)s::bigint, %(now)s::timestamptz)
