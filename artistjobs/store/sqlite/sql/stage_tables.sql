-- Where lines wait until the file is read; in a file of SQLite's own, so that nobody else waits meanwhile.
-- n counts them from 1.
CREATE TEMP TABLE staged (n INTEGER PRIMARY KEY, line INTEGER, key BLOB, artist_name TEXT, artist_data TEXT)
