-- Set the kind of a new database; only the first process does.
INSERT INTO about (id, kind, created_at) VALUES (1, :kind, :now) ON CONFLICT DO NOTHING
