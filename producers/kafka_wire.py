"""Committed offsets, read so that an open transaction cannot hide a newer one.

aiokafka asks for offsets in a version of the protocol that answers at once with the old offset while a transaction
that commits a newer one is being completed. Whoever believes that answer does work again whose results are committed
a moment later. Version 7 (KIP-447, Kafka 2.5) has `require_stable`: the broker refuses until it is certain.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from typing import Final, NamedTuple

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

_NOTHING_COMMITTED: Final = -1
_UNSTABLE: Final = 88
_NO_TAGS: Final[dict[int, bytes]] = {}
#: Between two looks at a broker that cannot say yet.
PAUSE_SECONDS: Final = 0.05


class _Response(Response):
    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
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
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )


class _Request(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 9
    API_VERSION = 7
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("group", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )


class StableOffsetFetch(Request[_Request]):
    """OffsetFetch version 7, `require_stable` on."""

    API_KEY = 9

    def __init__(self, group: str, partitions: Collection[TopicPartition]) -> None:
        by_topic: dict[str, list[int]] = defaultdict(list)
        for tp in partitions:
            by_topic[tp.topic].append(tp.partition)
        self._group = group
        self._topics = [(topic, numbers, _NO_TAGS) for topic, numbers in by_topic.items()]

    def build(self, request_struct_class: type[_Request]) -> _Request:
        """Make the request in the one version there is."""
        return request_struct_class(self._group, self._topics, True, _NO_TAGS)


class Committed(NamedTuple):
    """What is committed, and the partitions of which it cannot be said yet: a transaction that commits is open."""

    offsets: dict[TopicPartition, OffsetAndMetadata]
    uncertain: set[TopicPartition]


async def fetch_committed(
    client: AIOKafkaClient,
    group: str,
    partitions: Collection[TopicPartition],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return what `group` has committed; a partition without a commit is absent.

    Waits, without end, for brokers that are away and for transactions that are open: bound it by a timeout if need be.
    Raises `KafkaError` for what waiting cannot cure, such as a missing permission.
    """
    offsets: dict[TopicPartition, OffsetAndMetadata] = {}
    uncertain = set(partitions)
    while uncertain:
        found = await look_up_committed(client, group, uncertain, sleep=sleep)
        offsets |= found.offsets
        uncertain = found.uncertain
        if uncertain:
            await sleep(PAUSE_SECONDS)
    return offsets


async def look_up_committed(
    client: AIOKafkaClient,
    group: str,
    partitions: Collection[TopicPartition],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Committed:
    """Return what is certain now; as `fetch_committed`, but does not wait for transactions."""
    while True:
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            request = StableOffsetFetch(group, partitions)
            return _read(await client.send(node, request, group=ConnectionGroup.COORDINATION))
        except KafkaError as error:
            if not error.retriable:
                raise
            client.force_metadata_update()
        await sleep(PAUSE_SECONDS)


def _read(response: Response) -> Committed:
    _check(response.error_code)
    found = Committed({}, set())
    for topic, partitions, _ in response.topics:
        for partition, offset, _, metadata, error_code, _ in partitions:
            tp = TopicPartition(topic, partition)
            if error_code == _UNSTABLE:
                found.uncertain.add(tp)
                continue
            _check(error_code)
            if offset != _NOTHING_COMMITTED:
                found.offsets[tp] = OffsetAndMetadata(offset, metadata or "")
    return found


def _check(error_code: int) -> None:
    if error_code:
        raise for_code(error_code)
