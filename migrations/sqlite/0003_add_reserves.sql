-- Money under --max-cost that is not the price of an answer, so that all workers of a database keep to one cap.

-- What this worker's calls in flight may cost at worst: written before a call is made, taken back with its attempt.
ALTER TABLE workers ADD COLUMN reserved_usd REAL NOT NULL DEFAULT 0;

-- What calls may have cost whose answers never reached us, at worst.
ALTER TABLE workers ADD COLUMN lost_usd REAL NOT NULL DEFAULT 0;
