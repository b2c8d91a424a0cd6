"""The control topic as each worker hears it from Kafka: no group, all partitions."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from aiokafka.errors import KafkaError

from ....producers.kafka_client import client_options
from ....producers.kafka_reader import TopicReader
from ....producers.kafka_topics import TopicsMissingError, ensure_topics, headgate_topics
from ....schemas.config import KafkaBus
from ....schemas.record import Record
from ....schemas.topics import Topics
from ..port import CONTROL_SECONDS, BusLost

_log = logging.getLogger(__name__)

_CLIENT: Final = "headgate-control"
_READ_RECORDS: Final = 1_000
_READ_SECONDS: Final = 1.0


class KafkaControlFeed:
    """Reads all that the topic's retention has left, and passes over what is older than a week."""

    def __init__(
        self,
        config: KafkaBus,
        *,
        keep_seconds: float = CONTROL_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._topic = Topics(config.prefix).control
        self._keep_seconds = keep_seconds
        self._now = now
        self._reader: TopicReader | None = None
        self._reading: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._stopped = asyncio.Event()

    def __repr__(self) -> str:
        return f"<KafkaControlFeed {self._topic}>"

    async def start(self, heard: Callable[[Record], None]) -> None:
        """Begin a week back. Raises `BusLost` if no broker can be reached, or the topic is missing."""
        options = client_options(self._config, _CLIENT)
        try:
            await ensure_topics(options, self._config, {self._topic: headgate_topics(self._config)[self._topic]})
            self._reader = TopicReader(options, self._topic)
            await self._reader.start()
        except (KafkaError, TopicsMissingError) as error:
            await self.stop()
            raise BusLost(f"expected to read {self._topic} from Kafka, got: {error}") from error
        self._reading = asyncio.create_task(self._run(self._reader, heard))
        self._reading.add_done_callback(self._ended)

    async def ready(self) -> None:
        """Return when everything has been heard that was there at the start. Raises `BusLost`."""
        await self._caught_up.wait()
        self._look()

    async def closed(self) -> None:
        """Return when the feed has stopped, or raise `BusLost`. Brokers that are away are waited for."""
        await self._stopped.wait()
        self._look()

    async def stop(self) -> None:
        """Close."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._reader is not None:
            await self._reader.stop()
        self._stopped.set()

    async def _run(self, reader: TopicReader, heard: Callable[[Record], None]) -> None:
        oldest_ms = (self._now() - self._keep_seconds) * 1000
        while True:
            for passage in await reader.read(_READ_RECORDS, _READ_SECONDS):
                for r in passage.records:
                    if r.timestamp >= oldest_ms:
                        heard(Record(r.topic, r.value, r.key, tuple(r.headers)))
            if reader.lag() == 0:
                self._caught_up.set()

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._caught_up.set()
        self._stopped.set()

    def _look(self) -> None:
        """Raise what has ended the reading."""
        task = self._reading
        if task is not None and task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise BusLost(f"expected to read {self._topic} from Kafka, got: {error}") from error
