-- The SHA-256 of all templates and instructions.
SELECT sha256
  FROM texts
