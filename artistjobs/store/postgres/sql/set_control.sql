-- Change one setting of running workers; it replaces the earlier change of that setting.
INSERT INTO controls (name, value, revision, changed_at)
SELECT %(name)s::text, %(value)s::float8, coalesce(max(revision), 0) + 1, %(now)s::timestamptz FROM controls WHERE true
ON CONFLICT (name) DO UPDATE
   SET value = excluded.value,
       revision = excluded.revision,
       changed_at = excluded.changed_at
