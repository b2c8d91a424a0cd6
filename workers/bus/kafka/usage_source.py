"""The usage topic as the recorder reads it: positions come from the ledger, not from a consumer group."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka.errors import KafkaError

from ....producers.kafka_client import client_options
from ....producers.kafka_reader import TopicReader
from ....producers.kafka_topics import TopicsMissingError, ensure_topics, headgate_topics
from ....schemas.config import KafkaBus
from ....schemas.topics import Topics
from ..port import BusLost, UsageSlice

_log = logging.getLogger(__name__)

_CLIENT: Final = "headgate-recorder"


class KafkaUsageSource:
    """All partitions of the usage topic, read_committed. A cursor is the next offset in decimal."""

    def __init__(self, config: KafkaBus) -> None:
        self._config = config
        self._topic = Topics(config.prefix).usage
        self._reader: TopicReader | None = None

    @property
    def lost(self) -> int:
        """Records that retention deleted before they were read: what they cost is in no ledger."""
        return 0 if self._reader is None else self._reader.lost

    async def start(self, cursors: Mapping[str, str]) -> None:
        """Begin after what the ledger holds. Raises `BusLost` if no broker can be reached, or the topic is missing."""
        options = client_options(self._config, _CLIENT)
        try:
            await ensure_topics(options, self._config, {self._topic: headgate_topics(self._config)[self._topic]})
            self._reader = TopicReader(options, self._topic)
            await self._reader.start(self._offsets(cursors))
        except (KafkaError, TopicsMissingError) as error:
            await self.stop()
            raise BusLost(f"expected to read {self._topic} from Kafka, got: {error}") from error

    async def stop(self) -> None:
        """Close."""
        if self._reader is not None:
            await self._reader.stop()

    async def read(self, max_records: int, max_wait_seconds: float) -> Sequence[UsageSlice]:
        """Return what is there. Brokers that are away are waited for; raises `BusLost` when Kafka refuses."""
        if self._reader is None:
            raise RuntimeError("expected a source that is started, got one that is not; call start first")
        try:
            passages = await self._reader.read(max_records, max_wait_seconds)
        except KafkaError as error:
            raise BusLost(f"expected to read {self._topic} from Kafka, got: {error}") from error
        return [
            UsageSlice(
                f"{self._topic}/{passage.partition}",
                [record.value or b"" for record in passage.records],
                str(passage.next_offset),
            )
            for passage in passages
        ]

    async def recorded(self, cursors: Mapping[str, str]) -> None:
        """Do nothing: usage goes when the retention of its topic says so."""

    def lag(self) -> int | None:
        """Return how many records there are that were not read, as of the last fetch (a fifth of a second ago)."""
        return None if self._reader is None else self._reader.lag()

    def _offsets(self, cursors: Mapping[str, str]) -> dict[int, int]:
        """Return partition → offset of those cursors that are ours: the ledger may have read other buses before."""
        offsets: dict[int, int] = {}
        for name, cursor in cursors.items():
            topic, _, partition = name.rpartition("/")
            if topic == self._topic and partition.isdecimal() and cursor.isdecimal():
                offsets[int(partition)] = int(cursor)
            else:
                _log.info("the ledger's cursor %s of %s is of another bus", cursor, name)
        return offsets
