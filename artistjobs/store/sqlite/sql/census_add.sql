-- One row's key.
INSERT INTO temp.asked (key) VALUES (?)
