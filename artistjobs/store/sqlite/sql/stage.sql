-- Stage one good line.
INSERT INTO temp.staged (line, key, artist_name, artist_data) VALUES (?, ?, ?, ?)
