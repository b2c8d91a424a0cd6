import asyncio
from collections.abc import Mapping
from typing import Any

from ..client import AIOKafkaClient, CoordinationType
from ..protocol.api import Request
from ..structs import OffsetAndMetadata, TopicPartition
from .message_accumulator import MessageAccumulator
from .transaction_manager import TransactionManager

class Sender:
    _txn_manager: TransactionManager
    def __init__(
        self,
        client: AIOKafkaClient,
        *,
        acks: int,
        txn_manager: TransactionManager,
        message_accumulator: MessageAccumulator,
        retry_backoff_ms: int,
        request_timeout_ms: int,
    ) -> None: ...
    @property
    def sender_task(self) -> asyncio.Task[None] | None: ...
    async def _find_coordinator(self, coordinator_type: CoordinationType, coordinator_key: str) -> int: ...
    async def _do_txn_offset_commit(self, offsets: dict[TopicPartition, OffsetAndMetadata], group_id: str) -> None: ...

class TxnOffsetCommitHandler:
    _group_id: str
    _offsets: Mapping[TopicPartition, OffsetAndMetadata]
    _sender: Sender
    def __init__(self, sender: Sender, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: str) -> None: ...
    async def do(self, node_id: int) -> bool: ...
    def create_request(self) -> Request[Any]: ...
    def handle_response(self, response: Any) -> float | None: ...
