-- Number of responses that the service makes in the background.
SELECT count(*) AS jobs FROM submissions
