-- What was asked, what was attempted, what it cost: one row per combination of the dimensions, or one row for all.
-- $since and $until are unix microseconds, $until excluded; $batch NULL means all. The marker in the first line of the
-- SELECT stands for the dimensions: keep it.
SELECT /* dimensions */
    count(DISTINCT request_id) AS requests,
    count(*) FILTER (outcome <> 'refused') AS attempts,
    count(*) FILTER (outcome = 'succeeded') AS succeeded,
    count(*) FILTER (outcome = 'failed') AS failed,
    count(*) FILTER (outcome = 'uncertain') AS uncertain,
    count(*) FILTER (outcome = 'refused') AS refused,
    coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(cached_tokens), 0) AS cached_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    coalesce(sum(cost_nano), 0) AS cost_nano
FROM usage
WHERE ts >= make_timestamp($since::BIGINT)
    AND ts < make_timestamp($until::BIGINT)
    AND ($batch IS NULL OR batch = $batch)
GROUP BY ALL;
