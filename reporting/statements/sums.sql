-- What was used since the first of the bounds, told apart by the bounds between which it lies and by the dimensions.
-- $since is the first bound, unix microseconds. The markers in the first lines of the SELECT stand for the dimensions
-- and for the last bound that is not after the row: keep them. The last three count calls: those of a later attempt of a run are made, but not the first.
-- Without dimensions and with one bound there is one group, which HAVING leaves out when it is empty.
SELECT /* dimensions */
    /* bound */ AS bound,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cost_nano) AS cost_nano,
    coalesce(sum(calls) FILTER (outcome IN ('succeeded', 'uncertain')), 0) AS answered,
    coalesce(sum(calls) FILTER (outcome NOT IN ('refused', 'replayed')), 0) AS made,
    coalesce(sum(calls) FILTER (outcome NOT IN ('refused', 'replayed') AND attempt = 1), 0) AS firsts
FROM usage
WHERE ts >= make_timestamp($since::BIGINT)
GROUP BY ALL
HAVING count(*) > 0;
