-- Let no call count as lost any more.
UPDATE attempts SET lost_usd = 0 WHERE lost_usd > 0
