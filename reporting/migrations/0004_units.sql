-- What is counted beside tokens: search units of a rerank, images, seconds of sound.

-- A view remembers its columns, so it is made again.
DROP VIEW usage_usd;

ALTER TABLE usage ADD COLUMN units BIGINT DEFAULT 0;

CREATE VIEW usage_usd AS
SELECT *, CAST(cost_nano * CAST(0.000000001 AS DECIMAL(10, 9)) AS DECIMAL(18, 9)) AS cost_usd
FROM usage;
