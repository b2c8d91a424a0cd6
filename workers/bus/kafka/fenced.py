"""A producer whose offset commits the broker refuses once the group has given the partitions to somebody else.

aiokafka commits offsets inside a transaction in version 0 of the protocol, which does not say who commits: the broker
takes it from anybody. A worker that was suspended for longer than its session (SIGSTOP, a paused machine) would wake
up and overwrite the offsets of its successor, and publish its replies a second time. Version 3 (KIP-447, Kafka 2.5)
carries member and generation, and the broker refuses those that are not current.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiokafka.client import CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    KafkaError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.producer.sender import Sender, TxnOffsetCommitHandler
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from ....producers.kafka_batches import Limits
from ....producers.kafka_client import ClientOptions
from ....producers.kafka_producer import REQUEST_TIMEOUT_MS, TransactionalProducer
from .membership import Membership

_FENCED_INSTANCE_ID: Final = 82
_NO_LEADER_EPOCH: Final = -1
#: Transactions take milliseconds. When a worker dies in the middle of one, its partitions wait so long, and readers of
#: the replies do: about as long as the group waits for its heartbeat.
_TRANSACTION_SECONDS: Final = 10.0
_ACKS_ALL: Final = -1
_NO_TAGS: Final[dict[int, bytes]] = {}


class GroupFencedError(KafkaError):
    """The group has gone on without us: our offsets are refused."""


class _Response(Response):
    API_KEY = 28
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "errors",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(("partition", Int32), ("error_code", Int16), ("tags", TaggedFields)),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Request(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 28
    API_VERSION = 3
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("group_id", CompactString("utf-8")),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation", Int32),
        ("member_id", CompactString("utf-8")),
        ("group_instance_id", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class FencedOffsetCommit(Request[_Request]):
    """TxnOffsetCommit version 3."""

    API_KEY = 28

    def __init__(
        self,
        producer: tuple[str, int, int],
        group: str,
        membership: Membership,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
    ) -> None:
        self._producer = producer
        self._group = group
        self._membership = membership
        by_topic: dict[str, list[tuple[int, int, int, str, dict[int, bytes]]]] = {}
        for tp, (offset, metadata) in offsets.items():
            by_topic.setdefault(tp.topic, []).append((tp.partition, offset, _NO_LEADER_EPOCH, metadata, _NO_TAGS))
        self._topics = [(topic, partitions, _NO_TAGS) for topic, partitions in by_topic.items()]

    def build(self, request_struct_class: type[_Request]) -> _Request:
        """Make the request in the one version there is."""
        transactional_id, producer_id, epoch = self._producer
        return request_struct_class(
            transactional_id, self._group, producer_id, epoch, *self._membership, self._topics, _NO_TAGS
        )


class _Handler(TxnOffsetCommitHandler):
    """aiokafka's handler, with our request, and with the errors that only our request can have."""

    def __init__(
        self,
        sender: Sender,
        membership: Membership,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        group: str,
    ) -> None:
        super().__init__(sender, offsets, group)
        self._membership = membership

    def create_request(self) -> FencedOffsetCommit:
        manager = self._sender._txn_manager  # noqa: SLF001 - as the class we extend does
        producer = manager.transactional_id, manager.producer_id, manager.producer_epoch
        return FencedOffsetCommit(producer, self._group_id, self._membership, self._offsets)

    def handle_response(self, response: Response) -> float | None:
        plain: list[tuple[str, list[tuple[int, int]]]] = []
        for topic, partitions, _ in response.errors:
            for _, error_code, _ in partitions:
                if error_code == _FENCED_INSTANCE_ID or for_code(error_code) in _GROUP_ERRORS:
                    self._sender._txn_manager.error_transaction(GroupFencedError(error_code))  # noqa: SLF001 - as above
                    return None
            plain.append((topic, [(partition, error_code) for partition, error_code, _ in partitions]))
        return super().handle_response(_Plain(plain))


_GROUP_ERRORS: Final = frozenset({IllegalGenerationError, UnknownMemberIdError})


class _Plain(NamedTuple):
    """The answer in the shape of version 0, which aiokafka's handler reads."""

    errors: list[tuple[str, list[tuple[int, int]]]]


class _FencedSender(Sender):
    membership: Callable[[], Membership]

    async def _do_txn_offset_commit(self, offsets: dict[TopicPartition, OffsetAndMetadata], group_id: str) -> None:
        try:
            node = await self._find_coordinator(CoordinationType.GROUP, group_id)
        except GroupAuthorizationFailedError as error:
            self._txn_manager.error_transaction(error)
            return
        await _Handler(self, self.membership(), offsets, group_id).do(node)


class FencedProducer(TransactionalProducer):
    """A transactional producer that says who commits."""

    def __init__(
        self,
        options: ClientOptions,
        transactional_id: str,
        membership: Callable[[], Membership],
        limits: Limits | None = None,
    ) -> None:
        super().__init__(options, transactional_id, limits, seconds=_TRANSACTION_SECONDS)
        self._sender = _FencedSender(
            self.client,
            acks=_ACKS_ALL,
            txn_manager=self._txn_manager,
            message_accumulator=self._message_accumulator,
            retry_backoff_ms=options["retry_backoff_ms"],
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        self._sender.membership = membership
