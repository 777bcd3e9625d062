-- An answer whose claim was lost before it came is kept, and told apart.
UPDATE answers SET late = 1 WHERE id = :answer
