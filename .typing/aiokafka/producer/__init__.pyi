import asyncio
import ssl
from collections.abc import Mapping

from ..client import AIOKafkaClient
from ..structs import OffsetAndMetadata, TopicPartition
from .message_accumulator import BatchBuilder, MessageAccumulator
from .sender import Sender
from .transaction_manager import TransactionManager

class AIOKafkaProducer:
    client: AIOKafkaClient
    _closed: bool
    _message_accumulator: MessageAccumulator
    _sender: Sender
    _txn_manager: TransactionManager
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
        transactional_id: str,
        transaction_timeout_ms: int,
        request_timeout_ms: int,
        max_batch_size: int,
        max_request_size: int,
        compression_type: str,
    ) -> None: ...
    async def start(self) -> None: ...
    async def partitions_for(self, topic: str) -> set[int]: ...
    def create_batch(self) -> BatchBuilder: ...
    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[object]: ...
    async def begin_transaction(self) -> None: ...
    async def commit_transaction(self) -> None: ...
    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None: ...
