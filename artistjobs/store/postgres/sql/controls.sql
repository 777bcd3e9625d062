-- Latest change of each setting, in the order of the changes; at most a handful of rows.
SELECT name, value, revision, changed_at FROM controls ORDER BY revision
