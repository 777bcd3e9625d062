-- Temporary table for the keys of the rows of a previewed file.
CREATE TEMP TABLE asked (key bytea)
