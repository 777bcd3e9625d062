-- Let one worker at a time reserve money.
SELECT id FROM about FOR UPDATE
