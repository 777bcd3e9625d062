-- The first limit bad lines of an ingest.
SELECT line, reason, beginning FROM bad_lines WHERE ingest = %(ingest)s::bigint ORDER BY line LIMIT %(limit)s::bigint
