-- The staged events that are in the ledger already, by one scan of the window since $since (unix microseconds).
CREATE OR REPLACE TEMP TABLE known AS
SELECT event_id, outcome
FROM usage
WHERE ts >= make_timestamp($since::BIGINT)
    AND event_id IN (SELECT event_id FROM stage WHERE event_id IS NOT NULL);
