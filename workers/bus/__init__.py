"""The bus: how records reach the gateway and how its answers leave, on Kafka or on Streams."""
