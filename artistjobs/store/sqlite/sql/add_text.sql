-- A text is stored once.
INSERT INTO texts (sha256, text) VALUES (:sha256, :text) ON CONFLICT DO NOTHING
