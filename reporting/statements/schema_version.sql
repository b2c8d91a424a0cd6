-- Which migrations this file has seen.
CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER NOT NULL,
    name    VARCHAR NOT NULL,
    applied TIMESTAMP NOT NULL
);
