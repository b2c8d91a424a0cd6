-- Remember where each partition is read from next.
INSERT INTO bus_cursor (partition, next_cursor)
SELECT unnest($partitions::VARCHAR[]), unnest($cursors::VARCHAR[])
ON CONFLICT (partition) DO UPDATE SET next_cursor = excluded.next_cursor;
