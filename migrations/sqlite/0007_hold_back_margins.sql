-- Money held back for calls in flight beyond their worst case, until answers have confirmed that the server keeps to it.
ALTER TABLE workers ADD COLUMN margin_usd REAL NOT NULL DEFAULT 0;
