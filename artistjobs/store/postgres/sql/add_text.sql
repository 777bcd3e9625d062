-- Add a text if it is new.
INSERT INTO texts (sha256, text) VALUES (%(sha256)s::text, %(text)s) ON CONFLICT DO NOTHING
