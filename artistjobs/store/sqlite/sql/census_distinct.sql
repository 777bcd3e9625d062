-- How many distinct jobs the rows ask for; sorted, since that needs no more memory than there is.
SELECT count(*) AS jobs FROM (SELECT key FROM temp.asked GROUP BY key ORDER BY key)
