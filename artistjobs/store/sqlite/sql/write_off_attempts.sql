-- Let no call count as lost any more.
UPDATE attempts INDEXED BY attempts_lost SET lost_usd = 0 WHERE lost_usd > 0
