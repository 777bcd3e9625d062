-- Copy bad lines into the temporary table.
COPY staged_bad (line, reason, beginning) FROM STDIN (FORMAT BINARY)
