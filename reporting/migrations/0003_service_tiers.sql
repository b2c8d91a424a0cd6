-- Tokens that cost more than others of their kind, and the service tiers: a row can be priced again under other prices.

-- A view remembers its columns, so it is made again.
DROP VIEW usage_usd;

ALTER TABLE usage ADD COLUMN cache_write_1h_tokens BIGINT DEFAULT 0;
ALTER TABLE usage ADD COLUMN input_audio_tokens BIGINT DEFAULT 0;
ALTER TABLE usage ADD COLUMN cached_audio_tokens BIGINT DEFAULT 0;
ALTER TABLE usage ADD COLUMN output_audio_tokens BIGINT DEFAULT 0;
ALTER TABLE usage ADD COLUMN service_tier_asked VARCHAR;
ALTER TABLE usage ADD COLUMN service_tier VARCHAR;

CREATE VIEW usage_usd AS
SELECT *, CAST(cost_nano * CAST(0.000000001 AS DECIMAL(10, 9)) AS DECIMAL(18, 9)) AS cost_usd
FROM usage;
