import ssl
from collections.abc import Collection, Sequence

from ..abc import ConsumerRebalanceListener
from ..client import AIOKafkaClient
from ..structs import ConsumerRecord, TopicPartition
from .fetcher import Fetcher
from .group_coordinator import GroupCoordinator
from .subscription_state import SubscriptionState

class AIOKafkaConsumer:
    _client: AIOKafkaClient
    _closed: bool
    _coordinator: GroupCoordinator
    _fetcher: Fetcher
    _subscription: SubscriptionState
    def __init__(
        self,
        *topics: str,
        bootstrap_servers: list[str],
        client_id: str,
        metadata_max_age_ms: int,
        retry_backoff_ms: int,
        security_protocol: str,
        ssl_context: ssl.SSLContext | None,
        sasl_mechanism: str,
        sasl_plain_username: str | None,
        sasl_plain_password: str | None,
        group_id: str | None = ...,
        auto_offset_reset: str = ...,
        enable_auto_commit: bool = ...,
        isolation_level: str = ...,
        fetch_max_wait_ms: int = ...,
        max_partition_fetch_bytes: int = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def assignment(self) -> frozenset[TopicPartition]: ...
    def subscribe(
        self, topics: Sequence[str] = ..., pattern: str | None = ..., listener: ConsumerRebalanceListener | None = ...
    ) -> None: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = ..., max_records: int | None = ...
    ) -> dict[TopicPartition, list[ConsumerRecord]]: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]: ...
    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]: ...
