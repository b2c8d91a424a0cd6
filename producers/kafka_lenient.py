"""Read one batch of records whose header names are not all UTF-8.

aiokafka raises at such a name, and again whenever it is asked: the partition would stand still for ever. The broker
takes such records, and every Java client reads them. Here the names' bad bytes become U+FFFD, as there.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple, Self, SupportsIndex, overload

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import (
    DefaultRecord,
    _DefaultRecordBatchPy,  # pyright: ignore[reportPrivateUsage] - the public one is in C, and final
)

_READ_COMMITTED: Final = 1
_WAIT_MS: Final = 100
_LEAST_BYTES: Final = 1
#: Base offset and length of a batch, before the bytes that the length counts.
_HEAD: Final = struct.Struct(">qi")


class Batch(NamedTuple):
    """The records of one batch from some offset on, and where the next batch begins."""

    records: Sequence[ConsumerRecord]
    next_offset: int


class _Answer(NamedTuple):
    #: Producers whose transactions were aborted, and since which offset.
    aborted: Sequence[tuple[int, int]]
    data: bytes


async def read_batch(client: AIOKafkaClient, tp: TopicPartition, offset: int, max_bytes: int) -> Batch | None:
    """Read the batch that `offset` is in; None while its leader cannot be asked. Raises `KafkaError`."""
    answer = await _fetch(client, tp, offset, max_bytes)
    if len(answer.data) < _HEAD.size:
        return None
    _, length = _HEAD.unpack_from(answer.data)
    batch = _DefaultRecordBatchPy(answer.data[: _HEAD.size + length])
    aborted = any(pid == batch.producer_id and first <= batch.base_offset for pid, first in answer.aborted)
    if batch.is_control_batch or (batch.is_transactional and aborted):
        return Batch((), batch.next_offset)
    iter(batch)  # makes it decompress
    batch._buffer = _Lenient(batch._buffer)  # noqa: SLF001 - the one place where names are decoded
    records = [_record(tp, record) for record in batch if record.offset >= offset]
    return Batch(records, batch.next_offset)


async def _fetch(client: AIOKafkaClient, tp: TopicPartition, offset: int, max_bytes: int) -> _Answer:
    wanted = [(tp.topic, [(tp.partition, offset, max_bytes)])]
    request = FetchRequest(_WAIT_MS, _LEAST_BYTES, max_bytes, _READ_COMMITTED, wanted)
    response = await client.send(client.cluster.leader_for_partition(tp), request)
    _, error_code, _, _, _, aborted, _, data = response.topics[0][1][0]
    if error_code:
        raise for_code(error_code)
    return _Answer(aborted or (), data)


def _record(tp: TopicPartition, record: DefaultRecord) -> ConsumerRecord:
    key, value = record.key, record.value
    sizes = -1 if key is None else len(key), -1 if value is None else len(value)
    times = record.timestamp, record.timestamp_type
    return ConsumerRecord(*tp, record.offset, *times, key, value, None, *sizes, tuple(record.headers))


class _Lenient(bytearray):
    """Bytes whose parts decode whatever they are."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | Self:
        part = super().__getitem__(index)
        return part if isinstance(part, int) else type(self)(part)

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Decode as well as can be."""
        return super().decode(encoding, errors)
