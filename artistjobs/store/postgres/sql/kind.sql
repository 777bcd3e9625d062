-- Kind of jobs in this database.
SELECT kind, token::text AS token FROM about
