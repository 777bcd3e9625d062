-- Lines that an ingest skipped, the first :limit of them.
SELECT line, reason, beginning FROM bad_lines WHERE ingest = :ingest ORDER BY line LIMIT :limit
