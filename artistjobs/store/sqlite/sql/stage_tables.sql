-- Temporary table for the good lines until the file is read to its end, so that no other process has to wait meanwhile.
-- n counts them from 1.
CREATE TEMP TABLE staged (n INTEGER PRIMARY KEY, line INTEGER, key BLOB, artist_name TEXT, artist_data TEXT, columns TEXT)
