-- Number of the last change of the money that a worker holds back: a worker whose connection broke during a commit learns
-- by it whether the change took effect.
ALTER TABLE workers ADD COLUMN changes bigint NOT NULL DEFAULT 0;

-- 1 for a worker that was found dead on another machine, where nobody knows which of its jobs is suspected. Its own
-- machine adds that later.
ALTER TABLE workers ADD COLUMN unexplained integer NOT NULL DEFAULT 0;
