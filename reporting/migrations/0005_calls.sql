-- How many calls an attempt was made of: more than one where several choices were made by as many.

-- A view remembers its columns, so it is made again.
DROP VIEW usage_usd;

ALTER TABLE usage ADD COLUMN calls INTEGER DEFAULT 1;

CREATE VIEW usage_usd AS
SELECT *, CAST(cost_nano * CAST(0.000000001 AS DECIMAL(10, 9)) AS DECIMAL(18, 9)) AS cost_usd
FROM usage;
