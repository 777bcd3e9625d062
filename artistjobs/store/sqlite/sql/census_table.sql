-- The keys of the rows of a file that is only looked at; in a file of SQLite's own.
CREATE TEMP TABLE asked (key BLOB)
