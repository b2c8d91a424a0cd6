"""The bus on Valkey or Redis Streams: a consumer group over the lanes, one script call per commit."""
