import asyncio
import enum
import ssl
from typing import Any

from .cluster import ClusterMetadata
from .protocol.api import Request

class ConnectionGroup(enum.IntEnum):
    DEFAULT = 0
    COORDINATION = 1

class CoordinationType(enum.IntEnum):
    GROUP = 0
    TRANSACTION = 1

class AIOKafkaClient:
    cluster: ClusterMetadata
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
    async def bootstrap(self) -> None: ...
    async def close(self) -> None: ...
    def get_random_node(self) -> int | None: ...
    def force_metadata_update(self) -> asyncio.Future[bool]: ...
    async def _wait_on_metadata(self, topic: str) -> set[int]: ...
    async def coordinator_lookup(self, coordinator_type: CoordinationType, coordinator_key: str) -> int: ...
    async def send(self, node_id: int | None, request: Request[Any], *, group: ConnectionGroup = ...) -> Any: ...
