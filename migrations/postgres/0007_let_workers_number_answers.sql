-- Workers take the number of an answer before they add it, so that one statement records the answer and settles its job.
-- A role with the rights to add answers had no right to do that by itself.
GRANT USAGE ON SEQUENCE answers_id_seq TO PUBLIC;
