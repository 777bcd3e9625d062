-- The names of the files that templates were read from, without their folders.
SELECT DISTINCT prompt_file
  FROM prompts
 WHERE prompt_file IS NOT NULL
