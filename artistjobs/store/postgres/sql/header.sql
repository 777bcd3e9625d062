-- The names of columns.
SELECT names FROM headers WHERE id = %(header)s::bigint
