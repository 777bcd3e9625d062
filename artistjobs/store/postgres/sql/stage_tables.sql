-- Temporary tables for the lines until the file is read to its end. n counts the good ones from 1.
CREATE TEMP TABLE staged (
    n bigint GENERATED ALWAYS AS IDENTITY,
    line bigint, key bytea, artist_name text COLLATE "C", artist_data text COLLATE "C", columns text COLLATE "C");
CREATE TEMP TABLE staged_bad (line bigint, reason text COLLATE "C", beginning text COLLATE "C")
