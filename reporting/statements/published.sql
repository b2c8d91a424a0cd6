-- Write down that alerts have been published. $now is unix microseconds.
UPDATE alert
SET published = make_timestamp($now::BIGINT)
WHERE alert_id IN (SELECT unnest($ids::UUID[]));
