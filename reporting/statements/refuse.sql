-- Keep what could not be read. $seen is unix microseconds.
INSERT INTO bad_event (partition, raw, reason, seen)
SELECT unnest($partitions::VARCHAR[]), unnest($raws::BLOB[]), unnest($reasons::VARCHAR[]), make_timestamp($seen::BIGINT);
