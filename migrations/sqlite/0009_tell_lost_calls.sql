-- Calls that may have been billed although no answer arrived: which they were, and what no longer counts of them.

ALTER TABLE attempts ADD COLUMN lost_usd REAL NOT NULL DEFAULT 0;

ALTER TABLE workers ADD COLUMN written_off_usd REAL NOT NULL DEFAULT 0;
