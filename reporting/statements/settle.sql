-- Take out the stand-ins whose real events have come.
DELETE FROM usage
WHERE ts >= make_timestamp($since::BIGINT)
    AND outcome = 'uncertain'
    AND event_id IN (
        SELECT known.event_id
        FROM known
        JOIN stage ON stage.event_id = known.event_id
        WHERE known.outcome = 'uncertain' AND stage.outcome <> 'uncertain'
    );
