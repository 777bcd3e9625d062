-- A worker has ended, by itself or as found out by another one.
UPDATE workers SET ended_at = :now, ending = :ending WHERE id = :worker AND ended_at IS NULL
