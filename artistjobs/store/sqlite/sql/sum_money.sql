-- What is spent, lost calls at their worst, and what the calls in flight of all workers may cost.
SELECT coalesce(sum(cost_usd + lost_usd), 0.0) AS spent_usd, coalesce(sum(reserved_usd), 0.0) AS in_flight_usd
  FROM workers
