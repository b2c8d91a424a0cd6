-- Write down that a migration has been applied. $applied is unix microseconds.
INSERT INTO schema_version (version, name, applied)
VALUES ($version, $name, make_timestamp($applied::BIGINT));
