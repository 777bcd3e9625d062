-- Number of distinct jobs of the rows. The keys are sorted, because that needs a bounded amount of memory.
SELECT count(*) AS jobs FROM (SELECT key FROM temp.asked GROUP BY key ORDER BY key)
