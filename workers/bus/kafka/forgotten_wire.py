"""Requests about transactions that aiokafka does not have (KIP-664, Kafka 3.0): what is open, and whose it is."""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

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
from aiokafka.structs import TopicPartition

_CLIENT: Final = -1
_ANY: Final = -1
_NEWEST: Final = -1
_NO_TAGS: Final[dict[int, bytes]] = {}
_TAGS: Final = ("tags", TaggedFields)

Topics = list[tuple[str, list[int], dict[int, bytes]]]


def _topics(partitions: CompactArray) -> tuple[str, CompactArray]:
    return "topics", CompactArray(("topic", CompactString("utf-8")), ("partitions", partitions), _TAGS)


_NUMBERS: Final = _topics(CompactArray(Int32))


def _by_topic(partitions: Collection[TopicPartition]) -> Topics:
    numbers: dict[str, list[int]] = defaultdict(list)
    for tp in partitions:
        numbers[tp.topic].append(tp.partition)
    return [(topic, found, _NO_TAGS) for topic, found in numbers.items()]


class _EndsResponse(Response):
    API_KEY = 2
    API_VERSION = 6
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        _topics(
            CompactArray(
                ("partition", Int32),
                ("error_code", Int16),
                ("timestamp", Int64),
                ("offset", Int64),
                ("leader_epoch", Int32),
                _TAGS,
            )
        ),
        _TAGS,
    )


class _EndsRequest(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 2
    API_VERSION = 6
    RESPONSE_TYPE = _EndsResponse
    SCHEMA = Schema(
        ("replica_id", Int32),
        ("committed", Boolean),
        _topics(CompactArray(("partition", Int32), ("leader_epoch", Int32), ("timestamp", Int64), _TAGS)),
        _TAGS,
    )


class ListEnds(Request[_EndsRequest]):
    """Where these partitions end, of which the broker must be the leader: for readers of committed records, or all."""

    API_KEY = 2

    def __init__(self, partitions: Collection[TopicPartition], *, committed: bool) -> None:
        self._partitions = partitions
        self._committed = committed

    def build(self, request_struct_class: type[_EndsRequest]) -> _EndsRequest:
        """Make the request; newer versions only know of more timestamps."""
        topics = [
            (topic, [(number, _ANY, _NEWEST, _NO_TAGS) for number in numbers], _NO_TAGS)
            for topic, numbers, _ in _by_topic(self._partitions)
        ]
        return request_struct_class(_CLIENT, self._committed, topics, _NO_TAGS)


class _ProducersResponse(Response):
    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        _topics(
            CompactArray(
                ("partition", Int32),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                (
                    "producers",
                    CompactArray(
                        ("producer_id", Int64),
                        ("producer_epoch", Int32),
                        ("last_sequence", Int32),
                        ("last_timestamp", Int64),
                        ("coordinator_epoch", Int32),
                        ("transaction_start", Int64),
                        _TAGS,
                    ),
                ),
                _TAGS,
            )
        ),
        _TAGS,
    )


class _ProducersRequest(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 61
    API_VERSION = 0
    RESPONSE_TYPE = _ProducersResponse
    SCHEMA = Schema(_NUMBERS, _TAGS)


class DescribeProducers(Request[_ProducersRequest]):
    """Who writes to these partitions, of which the broker must be the leader."""

    API_KEY = 61

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_ProducersRequest]) -> _ProducersRequest:
        """Make the request in the one version there is."""
        return request_struct_class(_by_topic(self._partitions), _NO_TAGS)


class _ListResponse(Response):
    API_KEY = 66
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_states", CompactArray(CompactString("utf-8"))),
        (
            "transactions",
            CompactArray(
                ("transactional_id", CompactString("utf-8")),
                ("producer_id", Int64),
                ("state", CompactString("utf-8")),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _ListRequest(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 66
    API_VERSION = 0
    RESPONSE_TYPE = _ListResponse
    SCHEMA = Schema(("states", CompactArray(CompactString("utf-8"))), ("producer_ids", CompactArray(Int64)), _TAGS)


class ListTransactions(Request[_ListRequest]):
    """The transactional ids of producers that this broker coordinates."""

    API_KEY = 66

    def __init__(self, producer_ids: Collection[int]) -> None:
        self._producer_ids = list(producer_ids)

    def build(self, request_struct_class: type[_ListRequest]) -> _ListRequest:
        """Make the request; newer versions only have more filters."""
        return request_struct_class([], self._producer_ids, _NO_TAGS)


class _DescribeResponse(Response):
    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transactions",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", CompactString("utf-8")),
                ("state", CompactString("utf-8")),
                ("timeout_ms", Int32),
                ("start_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                _NUMBERS,
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _DescribeRequest(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 65
    API_VERSION = 0
    RESPONSE_TYPE = _DescribeResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(CompactString("utf-8"))), _TAGS)


class DescribeTransactions(Request[_DescribeRequest]):
    """What this broker, being their coordinator, knows of transactional ids."""

    API_KEY = 65

    def __init__(self, transactional_ids: Collection[str]) -> None:
        self._transactional_ids = list(transactional_ids)

    def build(self, request_struct_class: type[_DescribeRequest]) -> _DescribeRequest:
        """Make the request in the one version there is."""
        return request_struct_class(self._transactional_ids, _NO_TAGS)


class _MarkersResponse(Response):
    API_KEY = 27
    API_VERSION = 1
    SCHEMA = Schema(
        (
            "markers",
            CompactArray(
                ("producer_id", Int64),
                _topics(CompactArray(("partition", Int32), ("error_code", Int16), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _MarkersRequest(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 27
    API_VERSION = 1
    RESPONSE_TYPE = _MarkersResponse
    SCHEMA = Schema(
        (
            "markers",
            CompactArray(
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                ("committed", Boolean),
                _NUMBERS,
                ("coordinator_epoch", Int32),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class WriteMarker(Request[_MarkersRequest]):
    """Tell a partition, of which the broker must be the leader, how a transaction ended."""

    API_KEY = 27

    def __init__(self, partition: TopicPartition, producer: tuple[int, int], coordinator: int, *, commit: bool) -> None:
        """Say it of a producer's id and epoch, and with the epoch of its coordinator."""
        self._marker = (*producer, commit, _by_topic((partition,)), coordinator, _NO_TAGS)

    def build(self, request_struct_class: type[_MarkersRequest]) -> _MarkersRequest:
        """Make the request; the newer version is for coordinators."""
        return request_struct_class([self._marker], _NO_TAGS)
