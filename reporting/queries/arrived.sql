-- Between which times the events lie of the requests from place $first until before $end; NULL: there are none.
SELECT epoch_us(min(first_ts)) AS since, epoch_us(max(last_ts)) AS until
FROM arrivals
WHERE place >= $first AND place < $end;
