-- A retry by hand may change fields of the request. The job keeps its key and its prompt, which make its identity;
-- sent_as names the prompt configuration whose request is sent instead, NULL if there is none.
ALTER TABLE jobs ADD COLUMN sent_as INTEGER REFERENCES prompts (id);
