-- Parse a batch. $values are events as JSON, every field present; $places number them. What no column can hold has
-- event_id NULL.
CREATE OR REPLACE TEMP TABLE stage AS
SELECT place, event.*
FROM (
    SELECT
        place,
        TRY(from_json_strict(decode(value), '{
            "event_id": "UUID", "request_id": "VARCHAR", "ts": "BIGINT", "outcome": "VARCHAR", "cause": "VARCHAR",
            "attempt": "INTEGER", "key": "VARCHAR", "lane": "VARCHAR", "endpoint": "VARCHAR", "model": "VARCHAR",
            "deployment": "VARCHAR", "provider": "VARCHAR", "upstream_model": "VARCHAR", "batch": "VARCHAR",
            "workspace": "VARCHAR", "code": "VARCHAR", "http_status": "INTEGER", "provider_request_id": "VARCHAR",
            "input_tokens": "BIGINT", "cached_tokens": "BIGINT", "cache_write_tokens": "BIGINT",
            "output_tokens": "BIGINT", "reasoning_tokens": "BIGINT", "cost_nano": "BIGINT",
            "price_version": "VARCHAR", "queue_ms": "BIGINT", "latency_ms": "BIGINT",
            "metadata": "MAP(VARCHAR, VARCHAR)", "org": "VARCHAR", "end_user": "VARCHAR",
            "cache_write_1h_tokens": "BIGINT", "input_audio_tokens": "BIGINT", "cached_audio_tokens": "BIGINT",
            "output_audio_tokens": "BIGINT", "service_tier_asked": "VARCHAR", "service_tier": "VARCHAR",
            "units": "BIGINT", "calls": "INTEGER"
        }')) AS event
    FROM (SELECT unnest($values::BLOB[]) AS value, unnest($places::INTEGER[]) AS place)
);
