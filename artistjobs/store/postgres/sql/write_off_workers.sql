-- Let the money of lost calls count as spent no longer; what was written off is kept for the record.
UPDATE workers SET written_off_usd = written_off_usd + lost_usd, lost_usd = 0 WHERE lost_usd > 0
