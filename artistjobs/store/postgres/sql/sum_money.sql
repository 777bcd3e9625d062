-- Money spent, with lost calls at their maximum cost; the part of it that was lost; the part that was written off; and
-- the money held back for the calls in flight of all workers.
SELECT coalesce(sum(cost_usd + lost_usd), 0)::float8 AS spent_usd,
       coalesce(sum(lost_usd), 0)::float8 AS lost_usd,
       coalesce(sum(written_off_usd), 0)::float8 AS written_off_usd,
       coalesce(sum(reserved_usd + margin_usd), 0)::float8 AS in_flight_usd
  FROM workers
