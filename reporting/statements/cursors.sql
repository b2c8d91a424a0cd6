-- Where each partition is read from next.
SELECT partition, next_cursor
FROM bus_cursor;
