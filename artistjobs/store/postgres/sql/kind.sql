-- Kind of jobs in this database.
SELECT kind FROM about
