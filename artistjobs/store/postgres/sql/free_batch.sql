-- Free the money that is still held back for a batch whose results are all known.
UPDATE workers SET reserved_usd = 0, margin_usd = 0 WHERE id = %(batch)s::bigint
