-- Copy the keys of some rows into the temporary table.
COPY asked (key) FROM STDIN (FORMAT BINARY)
