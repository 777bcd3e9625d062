-- No request twice: as the migration 0006 makes it.
CREATE UNIQUE INDEX jobs_by_key ON jobs (key)
