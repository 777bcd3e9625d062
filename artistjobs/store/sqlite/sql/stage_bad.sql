-- Stage one bad line.
INSERT INTO temp.staged_bad (line, reason, beginning) VALUES (?, ?, ?)
