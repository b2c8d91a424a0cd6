import ssl
from collections.abc import Mapping, Sequence
from typing import Any

class NewTopic:
    replication_factor: int
    def __init__(
        self, name: str, num_partitions: int, replication_factor: int, *, topic_configs: Mapping[str, str]
    ) -> None: ...

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: list[str],
        client_id: str,
        metadata_max_age_ms: int,
        retry_backoff_ms: int,
        security_protocol: str,
        ssl_context: ssl.SSLContext | None,
        sasl_mechanism: str,
        sasl_plain_username: str | None,
        sasl_plain_password: str | None,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: Sequence[NewTopic]) -> Any: ...
