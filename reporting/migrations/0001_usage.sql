-- The ledger: one row per usage event, where the recorder has read to, and what it could not read.

-- No primary key: an index on random ids costs more per append than the append. The recorder keeps event_id unique.
CREATE TABLE usage (
    event_id            UUID NOT NULL,
    request_id          VARCHAR NOT NULL,
    ts                  TIMESTAMP NOT NULL,
    outcome             VARCHAR NOT NULL,
    cause               VARCHAR NOT NULL,
    attempt             INTEGER NOT NULL,
    key                 VARCHAR NOT NULL,
    lane                VARCHAR NOT NULL,
    endpoint            VARCHAR NOT NULL,
    model               VARCHAR NOT NULL,
    deployment          VARCHAR NOT NULL,
    provider            VARCHAR NOT NULL,
    upstream_model      VARCHAR NOT NULL,
    batch               VARCHAR,
    workspace           VARCHAR,
    code                VARCHAR,
    http_status         INTEGER,
    provider_request_id VARCHAR,
    input_tokens        BIGINT NOT NULL,
    cached_tokens       BIGINT NOT NULL,
    cache_write_tokens  BIGINT NOT NULL,
    output_tokens       BIGINT NOT NULL,
    reasoning_tokens    BIGINT NOT NULL,
    cost_nano           BIGINT NOT NULL,
    price_version       VARCHAR NOT NULL,
    queue_ms            BIGINT NOT NULL,
    latency_ms          BIGINT NOT NULL,
    metadata            MAP(VARCHAR, VARCHAR) NOT NULL
);

-- Committed together with the rows that it stands for: that is what makes an append happen once.
CREATE TABLE bus_cursor (
    partition   VARCHAR PRIMARY KEY,
    next_cursor VARCHAR NOT NULL
);

CREATE TABLE bad_event (
    partition VARCHAR NOT NULL,
    raw       BLOB NOT NULL,
    reason    VARCHAR NOT NULL,
    seen      TIMESTAMP NOT NULL
);

-- DECIMAL(18, 9) is exact and sums fast; it holds any cost that an append accepts.
CREATE VIEW usage_usd AS
SELECT *, CAST(cost_nano * CAST(0.000000001 AS DECIMAL(10, 9)) AS DECIMAL(18, 9)) AS cost_usd
FROM usage;
