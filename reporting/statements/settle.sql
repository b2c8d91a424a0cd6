-- Take out the stand-ins whose real events have come, and tell what they said.
DELETE FROM usage
WHERE ts >= make_timestamp($since::BIGINT)
    AND outcome = 'uncertain'
    AND event_id IN (
        SELECT known.event_id
        FROM known
        JOIN stage ON stage.event_id = known.event_id
        WHERE known.outcome = 'uncertain' AND stage.outcome <> 'uncertain'
    )
RETURNING * REPLACE (CAST(event_id AS VARCHAR) AS event_id, epoch_us(ts) AS ts);
