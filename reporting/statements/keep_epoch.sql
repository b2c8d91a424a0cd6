-- Write down a life of the store. $now is unix microseconds.
INSERT INTO store_epoch (epoch, began)
VALUES ($epoch, make_timestamp($now::BIGINT))
ON CONFLICT (epoch) DO NOTHING;
