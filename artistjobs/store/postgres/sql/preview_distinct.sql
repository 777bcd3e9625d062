-- Number of distinct jobs of the rows.
SELECT count(DISTINCT key) AS jobs FROM asked
