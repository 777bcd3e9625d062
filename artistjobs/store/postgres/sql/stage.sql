-- Copy good lines into the temporary table.
COPY staged (line, key, artist_name, artist_data, columns) FROM STDIN (FORMAT BINARY)
