-- What was said to the workers of this database, in the order in which it was said; a handful of rows at most.
SELECT name, value, revision, changed_at FROM controls ORDER BY revision
