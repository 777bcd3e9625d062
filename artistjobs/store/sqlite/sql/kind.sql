-- What this database holds: real jobs or rehearsed ones.
SELECT kind FROM about
