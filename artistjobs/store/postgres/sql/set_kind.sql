-- Set the kind of a new database; only the first process does.
INSERT INTO about (id, kind, created_at) VALUES (1, %(kind)s::text, %(now)s::timestamptz) ON CONFLICT DO NOTHING
