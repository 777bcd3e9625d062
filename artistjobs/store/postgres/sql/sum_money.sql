-- Money spent, with lost calls at their maximum cost, and the money reserved for the calls in flight of all workers.
SELECT coalesce(sum(cost_usd + lost_usd), 0)::float8 AS spent_usd, coalesce(sum(reserved_usd), 0)::float8 AS in_flight_usd
  FROM workers
