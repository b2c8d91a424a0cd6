"""Read a whole topic from given offsets on, without a group: who reads remembers how far."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from .kafka_client import ClientOptions
from .kafka_consumer import PersistentConsumer

_log = logging.getLogger(__name__)

#: How old the broker's word about the end of the topic may be when nothing comes, milliseconds.
_FETCH_WAIT_MS: Final = 200
_FETCH_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive records of one partition, and the offset after them."""

    partition: int
    records: list[ConsumerRecord]
    next_offset: int


class TopicReader:
    """All partitions of one topic, read_committed; one that is added while it reads, from its beginning."""

    def __init__(self, options: ClientOptions, topic: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._now = now
        self._consumer = PersistentConsumer(
            **options,
            enable_auto_commit=False,
            auto_offset_reset="none",  # an offset that is gone is counted, not passed over in silence
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        #: Records that the log no longer had when they were to be read: retention was shorter than our absence.
        self.lost = 0

    async def start(self, offsets: Mapping[int, int] | None = None) -> None:
        """Connect, and begin at these offsets; partitions that are not named, at their beginning."""
        await self._consumer.start()
        await self._consumer.learn(self._topic)
        await self._assign(offsets or {})

    async def stop(self) -> None:
        """Close."""
        await self._consumer.stop()

    async def ends(self) -> dict[int, int]:
        """Return the offsets after the newest records that may be read."""
        return {tp.partition: end for tp, end in (await self._consumer.end_offsets(self._partitions())).items()}

    def offsets(self) -> dict[int, int]:
        """Return the offsets after what was returned."""
        return {tp.partition: position for tp, position in self._consumer.positions().items()}

    def lag(self) -> int | None:
        """Return how many records there are that were not returned, as of the last fetch; None while unknown.

        0 means that the end was reached. Before it, markers that transactions leave in the log count as records, but
        for the last one of each partition, which is known to be one.
        """
        lags = self._consumer.lags()
        return None if lags is None else sum(lag - 1 if lag > 1 else lag for lag in lags.values())

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Go on at these offsets, if that is not where we are."""
        at = self.offsets()
        for tp in self._consumer.assignment():
            wanted = offsets.get(tp.partition, at.get(tp.partition))
            if wanted is not None and wanted != at.get(tp.partition):
                self._consumer.seek(tp, wanted)

    async def read(self, max_records: int, max_wait_seconds: float) -> list[Passage]:
        """Return what is there: at most `max_records`, after at most `max_wait_seconds` if there is nothing."""
        until = self._now() + max_wait_seconds
        while True:
            if len(self._partitions()) > len(self._consumer.assignment()):
                await self._assign(self.offsets())
            passages = await self._take(max_records, max(0.0, until - self._now()))
            if passages or self._now() >= until:
                return passages

    async def _take(self, max_records: int, seconds: float) -> list[Passage]:
        try:
            taken = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=max_records)
        except OffsetOutOfRangeError as error:
            await self._begin_anew(error.args[0])
            return []
        at = self._consumer.positions()
        return [Passage(tp.partition, records, at[tp]) for tp, records in sorted(taken.items())]

    def _partitions(self) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in sorted(self._consumer.partitions_of(self._topic))]

    async def _assign(self, offsets: Mapping[int, int]) -> None:
        partitions = self._partitions()
        starts = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        self._consumer.assign(partitions)
        for tp in partitions:  # at once: before aiokafka looks for a position by itself
            wanted = offsets.get(tp.partition, starts[tp])
            self._consumer.seek(tp, self._within(tp, wanted, starts[tp], ends[tp]))

    async def _begin_anew(self, partitions: Mapping[TopicPartition, int]) -> None:
        starts = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        for tp, wanted in partitions.items():
            self._consumer.seek(tp, self._within(tp, wanted, starts[tp], ends[tp]))

    def _within(self, tp: TopicPartition, wanted: int, start: int, end: int) -> int:
        """Return where to begin when `wanted` is not there any more, or not there yet."""
        if wanted < start:
            self.lost += start - wanted
            _log.error("%s/%d: records %d to %d are gone; was retention too short?", *tp, wanted, start - 1)
            return start
        if wanted > end:
            _log.error("%s/%d ends at %d, expected at least %d; reading it from its beginning", *tp, end, wanted)
            return start
        return wanted
