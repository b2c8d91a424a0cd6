-- Number the requests with events from $since until before $until (unix microseconds) in the order of their arrival, and
-- note between which times their events lie. It is narrow, so that the rest can be read some at a time. What was answered
-- from the journal was answered before, and is left out.
CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT *, row_number() OVER (ORDER BY arrived_us, request_id, key) - 1 AS place
FROM (
    SELECT
        request_id,
        key,
        arg_min(epoch_us(ts) - queue_ms * 1000, ts) AS arrived_us,
        min(ts) AS first_ts,
        max(ts) AS last_ts
    FROM usage
    WHERE ts >= make_timestamp($since::BIGINT)
        AND ts < make_timestamp($until::BIGINT)
        AND outcome <> 'replayed'
    GROUP BY request_id, key
);
