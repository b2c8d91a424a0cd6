-- One row per request from place $first until before $end, in the order of their arrival: what was asked first, where it
-- went last, and every answer that was paid for. A copy for a shadow is a request of its own. All their events lie between
-- $since and $until (unix microseconds), both included.
SELECT
    request_id,
    key,
    any_value(arrived_us) AS arrived_us,
    arg_min(
        {
            'lane': lane,
            'endpoint': endpoint,
            'model': model,
            'waited_us': queue_ms * 1000,
            'end_user': end_user,
            'metadata': metadata
        },
        ts
    ) AS first,
    arg_max({'deployment': deployment, 'provider': provider, 'latency_ms': latency_ms}, ts)
        FILTER (outcome <> 'refused') AS last,
    epoch_us(max(ts)) AS last_us,
    sum(cost_nano) AS cost_nano,
    list(
        {
            'tokens': {
                'input': input_tokens,
                'cached': cached_tokens,
                'cache_write': cache_write_tokens,
                'output': output_tokens,
                'reasoning': reasoning_tokens,
                'cache_write_1h': cache_write_1h_tokens,
                'input_audio': input_audio_tokens,
                'cached_audio': cached_audio_tokens,
                'output_audio': output_audio_tokens,
                'units': units
            },
            'cost_nano': cost_nano,
            'price_version': price_version,
            'deployment': deployment,
            'provider': provider,
            'at_us': epoch_us(ts),
            'latency_ms': latency_ms,
            'asked': service_tier_asked,
            'served': service_tier,
            'calls': calls
        }
        ORDER BY ts, attempt
    ) FILTER (outcome = 'succeeded') AS answers,
    arg_max(code, ts) FILTER (outcome = 'refused') AS code
FROM usage
JOIN arrivals USING (request_id, key)
WHERE ts >= make_timestamp($since::BIGINT)
    AND ts <= make_timestamp($until::BIGINT)
    AND ts BETWEEN first_ts AND last_ts
    AND outcome <> 'replayed'
    AND place >= $first
    AND place < $end
GROUP BY request_id, key
ORDER BY any_value(place);
