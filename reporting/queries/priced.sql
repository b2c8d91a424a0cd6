-- What attempts were booked for, one row for each deployment, price version, service tier and set of counts, so
-- that they can be priced again exactly. $since and $until are unix microseconds, $until excluded.
SELECT
    deployment,
    provider,
    upstream_model,
    price_version,
    service_tier_asked,
    service_tier,
    input_tokens,
    cached_tokens,
    cache_write_tokens,
    output_tokens,
    reasoning_tokens,
    cache_write_1h_tokens,
    input_audio_tokens,
    cached_audio_tokens,
    output_audio_tokens,
    units,
    calls,
    outcome = 'failed' AS free,
    count(*) AS attempts,
    sum(cost_nano)::BIGINT AS cost_nano
FROM usage
WHERE ts >= make_timestamp($since::BIGINT)
    AND ts < make_timestamp($until::BIGINT)
    AND outcome IN ('succeeded', 'failed', 'uncertain')
GROUP BY ALL
ORDER BY ALL;
