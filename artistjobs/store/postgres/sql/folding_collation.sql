-- A collation whose lower() knows all letters: that of PostgreSQL itself (from 17 on), or that of the library ICU. Without
-- either the default of the database has to do.
SELECT collname::text AS name
  FROM pg_collation
 WHERE collname IN ('pg_unicode_fast', 'pg_c_utf8', 'und-x-icu')
   AND collencoding IN (-1, pg_char_to_encoding('UTF8'))
 ORDER BY array_position(ARRAY['pg_unicode_fast', 'pg_c_utf8', 'und-x-icu'], collname::text)
 LIMIT 1
