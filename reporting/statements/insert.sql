-- Append the staged events that are new, and the real ones whose stand-ins have been taken out.
INSERT INTO usage BY NAME
SELECT * EXCLUDE (place) REPLACE (make_timestamp(ts) AS ts)
FROM stage
WHERE event_id IS NOT NULL
    AND NOT EXISTS (
        SELECT 1
        FROM known
        WHERE known.event_id = stage.event_id
            AND (known.outcome <> 'uncertain' OR stage.outcome = 'uncertain')
    );
