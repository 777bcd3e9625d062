-- Responses that the service makes in the background: their number, and the moment of the oldest one.
SELECT count(*) AS answers, min(submitted_at) AS oldest_at FROM submissions
