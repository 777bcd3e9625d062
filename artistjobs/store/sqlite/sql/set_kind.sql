-- Said once, by whoever opens the new database first.
INSERT INTO about (id, kind, created_at) VALUES (1, :kind, :now) ON CONFLICT DO NOTHING
