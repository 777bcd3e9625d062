-- One line skipped.
INSERT INTO temp.staged_bad (line, reason, beginning) VALUES (?, ?, ?)
