-- Keep alerts until they are published; one that is kept already stays as it is.
INSERT INTO alert (alert_id, value)
SELECT unnest($ids::UUID[]), unnest($values::VARCHAR[])
ON CONFLICT (alert_id) DO NOTHING;
