-- Add a list of column names if it is new.
INSERT INTO headers (names) SELECT %(names)s::text WHERE NOT EXISTS (SELECT 1 FROM headers WHERE names = %(names)s::text)
