-- The places of what was staged and cannot be stored.
SELECT place
FROM stage
WHERE event_id IS NULL;
