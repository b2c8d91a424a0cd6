-- How many lives the store has had in which workers could spend.
SELECT count(*) AS lives
FROM store_epoch;
