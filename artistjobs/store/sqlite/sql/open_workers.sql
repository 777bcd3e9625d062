-- Workers without a recorded end and their processes; the columns exist in every version of the schema.
SELECT id, host, pid FROM workers WHERE ended_at IS NULL ORDER BY id
