-- Add the key of one row.
INSERT INTO temp.asked (key) VALUES (?)
