-- Mark an answer that arrived after its claim was lost.
UPDATE answers SET late = 1 WHERE id = :answer
