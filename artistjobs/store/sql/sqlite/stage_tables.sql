-- Where lines wait until the file is read; in a file of SQLite's own, so that nobody else waits meanwhile.
CREATE TEMP TABLE IF NOT EXISTS staged (line INTEGER PRIMARY KEY, key BLOB, artist_name TEXT, artist_data TEXT)
