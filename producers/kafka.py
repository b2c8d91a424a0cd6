"""Batches on Apache Kafka: windows of requests in transactions, replies by their offsets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient

from ..schemas.config import KafkaBus
from ..schemas.record import Record
from ..schemas.topics import Lane, Topics
from .kafka_batches import record_bytes
from .kafka_client import MAX_RECORD_BYTES, client_options
from .kafka_cursor import read_cursor, write_cursor
from .kafka_producer import TransactionalProducer
from .kafka_reader import TopicReader
from .kafka_submitter import Mark, RecordTooLargeError, Submitter
from .kafka_topics import ensure_topics, headgate_topics
from .port import Replies, Submitted

_CLIENT: Final = "headgate-batch"
_PATIENCE_SECONDS: Final = 2.0
_MOST_REPLIES: Final = 1000


class KafkaBatchBus:
    """The bus as a producer of batches sees it.

    A window is one transaction: its requests, and the batch's mark. The mark is kept as the committed offset of a
    group that nobody is a member of; Kafka forgets it when the batch was not touched for `offsets.retention.minutes`,
    seven days by default.
    """

    def __init__(self, config: KafkaBus, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._config = config
        self._options = client_options(config, _CLIENT)
        self._place = TopicPartition(Topics(config.prefix).requests(Lane.STANDARD), 0)
        self._sleep = sleep
        self._client: AIOKafkaClient | None = None
        self._submitters: dict[str, Submitter] = {}
        self._readers: dict[str, TopicReader] = {}
        #: The marks as this process last saw them.
        self._marks: dict[str, int] = {}

    async def start(self) -> None:
        """Connect; make missing topics if the config allows it.

        Raises aiokafka's `KafkaConnectionError` if no broker can be reached, and `TopicsMissingError`.
        """
        await ensure_topics(self._options, self._config, headgate_topics(self._config))
        self._client = AIOKafkaClient(**self._options)
        await self._client.bootstrap()

    async def stop(self) -> None:
        """Close."""
        for submitter in self._submitters.values():
            await submitter.stop()
        for reader in self._readers.values():
            await reader.stop()
        if self._client is not None:
            await self._client.close()

    async def mark(self, batch: str) -> int:
        """Return the batch's mark.

        A window that is being submitted is waited for. If that takes long, its submitter has died: the window is
        aborted. Should it live after all, it notices, and submits the window again.
        """
        mark = self._mark(batch)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                self._marks[batch] = await mark.read()
        except TimeoutError:
            await self._abort(mark)
            self._marks[batch] = await mark.read()
        return self._marks[batch]

    async def _abort(self, mark: Mark) -> None:
        producer = TransactionalProducer(self._options, mark.group)
        try:
            await producer.start()  # that is enough: it fences its predecessor
        finally:
            await producer.discard()

    async def submit(self, batch: str, records: Sequence[Record], mark: int) -> Submitted:
        """Append all records and set the mark, or do neither; waits while no broker is there. Kafka is never full.

        The first window of a batch takes the batch over from whoever submitted it before. Raises `RecordTooLargeError`,
        `BatchContestedError`, or a `KafkaError` that waiting does not cure.
        """
        largest = max(map(record_bytes, records), default=0)
        if largest > MAX_RECORD_BYTES:
            raise RecordTooLargeError(
                f"expected records of at most {MAX_RECORD_BYTES} bytes, got one of {largest}; shorten the request"
            )
        await self._submitter(batch).submit(records, mark)
        return Submitted.DONE

    async def end_of_replies(self, topic: str) -> str:
        """Return the cursor after the newest reply on `topic`."""
        return write_cursor(await (await self._reader(topic)).ends())

    async def replies(self, topic: str, cursor: str, max_wait_seconds: float) -> Replies:
        """Return replies from `cursor` on. Raises ValueError if it is no cursor of ours."""
        reader = await self._reader(topic)
        reader.seek(read_cursor(cursor))
        passages = await reader.read(_MOST_REPLIES, max_wait_seconds)
        records = [_record(found) for passage in passages for found in passage.records]
        return Replies(records, write_cursor(reader.offsets()))

    async def taken(self, topic: str, cursor: str, batch: str) -> None:
        """Do nothing: replies go when the retention of their topic says so."""

    def _submitter(self, batch: str) -> Submitter:
        if batch not in self._submitters:
            mark = self._mark(batch)
            self._submitters[batch] = Submitter(
                lambda: TransactionalProducer(self._options, mark.group),
                mark,
                self._marks.get(batch, 0),
                sleep=self._sleep,
            )
        return self._submitters[batch]

    def _mark(self, batch: str) -> Mark:
        if self._client is None:
            raise RuntimeError("expected a bus that is started, got one that is not; call start first")
        return Mark(self._client, f"{self._config.group}.batch.{batch}", self._place)

    async def _reader(self, topic: str) -> TopicReader:
        if topic not in self._readers:
            await ensure_topics(self._options, self._config, {topic: {}})
            reader = TopicReader(self._options, topic)
            await reader.start()
            self._readers[topic] = reader
        return self._readers[topic]


def _record(found: ConsumerRecord) -> Record:
    return Record(found.topic, found.value, found.key, tuple(found.headers))
