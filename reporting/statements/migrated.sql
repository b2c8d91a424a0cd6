-- The version of the schema in this file; 0 in a new one.
SELECT coalesce(max(version), 0) AS version
FROM schema_version;
