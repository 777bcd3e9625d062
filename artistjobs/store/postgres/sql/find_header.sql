-- Id of a list of column names.
SELECT id FROM headers WHERE names = %(names)s::text
