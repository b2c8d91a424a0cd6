-- The alerts that nobody has been told of, as far as the ledger knows.
SELECT CAST(alert_id AS VARCHAR), value
FROM alert
WHERE published IS NULL
ORDER BY ALL;
