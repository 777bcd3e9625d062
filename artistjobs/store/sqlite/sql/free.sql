-- Free money that was held back for calls that were not made. A rounding error counts as 0, as in count_work.
UPDATE workers
   SET reserved_usd = iif(reserved_usd - :usd < 1e-9, 0, reserved_usd - :usd),
       margin_usd = iif(margin_usd - :margin < 1e-9, 0, margin_usd - :margin)
 WHERE id = :worker
