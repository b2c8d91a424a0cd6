-- The places of the staged events that the ledger has already.
SELECT place
FROM stage
JOIN known ON known.event_id = stage.event_id
WHERE known.outcome <> 'uncertain' OR stage.outcome = 'uncertain';
