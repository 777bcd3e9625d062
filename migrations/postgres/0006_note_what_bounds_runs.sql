-- What has bounded the run of a worker in the last minute, as it says itself: workers, requests, tokens, latency, budget,
-- disk, paused, cpu, service or files. NULL if nothing has, and for workers of earlier versions.
ALTER TABLE workers ADD COLUMN bounded_by TEXT;
