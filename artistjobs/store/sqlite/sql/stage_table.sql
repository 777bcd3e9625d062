-- Stage one good line of a table.
INSERT INTO temp.staged (line, key, artist_name, artist_data, columns) VALUES (?, ?, ?, ?, ?)
