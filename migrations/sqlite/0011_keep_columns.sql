-- The other columns of a table: their names once for each list of them, their values with the job, and with a line where
-- they differ from those of its job. Names and values are arrays of JSON in the order of the file. There are few lists of
-- names, so they need no index.

CREATE TABLE headers (
    id     INTEGER PRIMARY KEY,
    names  TEXT NOT NULL
) STRICT;

ALTER TABLE jobs ADD COLUMN header INTEGER REFERENCES headers (id);
ALTER TABLE jobs ADD COLUMN columns TEXT;
ALTER TABLE ingest_lines ADD COLUMN columns TEXT;
ALTER TABLE ingests ADD COLUMN header INTEGER REFERENCES headers (id);

-- The way in which a file was read, empty for rows of CSV: the same bytes are another file if they are read otherwise.
ALTER TABLE ingests ADD COLUMN read_as TEXT NOT NULL DEFAULT '';

-- The columns that a request uses, as an array of JSON.
ALTER TABLE prompts ADD COLUMN columns TEXT NOT NULL DEFAULT '[]';

-- The other columns of each job, one row for each value.
CREATE VIEW job_columns AS
SELECT jobs.id AS job, names.value AS name, coalesce(cells.value, '') AS value
  FROM jobs
  JOIN headers ON headers.id = jobs.header
  JOIN json_each(headers.names) AS names
  LEFT JOIN json_each(jobs.columns) AS cells ON cells.key = names.key;
