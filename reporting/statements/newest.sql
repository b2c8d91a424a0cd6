-- The time of the newest event, unix microseconds; NULL in an empty ledger.
SELECT epoch_us(max(ts)) AS newest
FROM usage;
