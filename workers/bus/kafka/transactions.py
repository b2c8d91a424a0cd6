"""One Kafka transaction after the other: records and offsets, all or nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from ....producers.kafka_batches import Written
from ....producers.kafka_producer import UNSURE
from ....producers.kafka_topics import existing
from ....producers.kafka_wire import PAUSE_SECONDS
from ....schemas.record import Record
from ..port import BusLost
from .directory import Directory
from .fenced import FencedProducer, GroupFencedError
from .tracker import Commit

_log = logging.getLogger(__name__)

#: A transaction that takes longer makes us look whether its topics are still there.
_STUCK_SECONDS: Final = 3.0
#: One that takes so long has been given up by the broker: its producer is fenced.
_GIVE_UP_SECONDS: Final = 30.0


class FencedOutError(Exception):
    """Nothing was committed: the group has given our partitions away."""


class RefusedError(Exception):
    """Nothing was committed: a topic refused its records. The directory knows now, so the next try leaves them out."""


class _TopicRefusedError(KafkaError):
    """A topic will not have its records."""


class Transactions(Protocol):
    """What the outbox needs."""

    async def commit(self, records: Sequence[Record], offsets: Mapping[TopicPartition, Commit]) -> None:
        """Commit all or nothing. Raises `FencedOutError`, `RefusedError`, or `BusLost` when nobody knows."""
        ...


class KafkaTransactions:
    """Transactions of one worker slot. After a failure nothing of the old producer is kept."""

    def __init__(
        self,
        make_producer: Callable[[], FencedProducer],
        group: str,
        directory: Directory,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._make_producer = make_producer
        self._group = group
        self._directory = directory
        self._sleep = sleep
        self._producer: FencedProducer | None = None

    async def start(self) -> None:
        """Connect. A predecessor that uses our transactional id is fenced, and what it left open is aborted."""
        self._producer = self._make_producer()
        await self._producer.start()

    async def stop(self) -> None:
        """Close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.discard()

    async def existing(self, topics: Collection[str]) -> set[str]:
        """Return those of `topics` that exist. Waits, without end, while no broker can be asked."""
        while True:
            try:
                if self._producer is not None:
                    return await existing(self._producer.client, topics)
            except KafkaError as error:
                if not error.retriable:
                    raise
            await self._sleep(PAUSE_SECONDS)

    async def commit(self, records: Sequence[Record], offsets: Mapping[TopicPartition, Commit]) -> None:
        """Commit all or nothing."""
        try:
            await self._try(records, offsets)
        except GroupFencedError as error:
            await self._replace_producer()
            raise FencedOutError from error
        except _TopicRefusedError as error:
            await self._replace_producer()
            raise RefusedError(str(error)) from error
        except UNSURE as error:
            raise BusLost(f"a Kafka transaction failed; whether it was committed is not known: {error!r}") from error

    async def _try(self, records: Sequence[Record], offsets: Mapping[TopicPartition, Commit]) -> None:
        """Take all steps. Until the last one is taken, nothing counts."""
        work = asyncio.ensure_future(self._prepare(records, offsets))
        try:
            await self._watch(work, {record.topic for record in records})
        finally:
            work.cancel()
        async with _deadline():
            await self._started().commit_transaction()

    async def _watch(self, work: "asyncio.Future[None]", topics: set[str]) -> None:
        """Wait for `work`; if it takes long, find out why."""
        async with _deadline():
            while not (await asyncio.wait({work}, timeout=_STUCK_SECONDS))[0]:
                gone = await self._directory.vanished(topics, self.existing)
                if gone:
                    raise _TopicRefusedError(f"{_list(gone)}: deleted")
        await work

    async def _prepare(self, records: Sequence[Record], offsets: Mapping[TopicPartition, Commit]) -> None:
        producer = self._started()
        positions = {tp: OffsetAndMetadata(*commit) for tp, commit in offsets.items()}
        try:
            prepared = await producer.prepare(records, positions, self._group)
            for batch in prepared.batches:
                self._look_at(batch)
            prepared.check()
        except (KafkaError, AssertionError) as error:
            self._look_at_trouble(producer.trouble() or error)
            raise

    def _look_at(self, batch: Written) -> None:
        error = batch.done.exception()
        if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
            self._directory.too_large(batch.topic, batch.records, batch.size)
            raise _TopicRefusedError(f"{batch.topic}: refused a batch of {batch.size} bytes") from error
        if isinstance(error, TopicAuthorizationFailedError | InvalidTopicError):
            self._refuse({batch.topic}, error)

    def _look_at_trouble(self, error: BaseException) -> None:
        """Raise what is behind an error: aiokafka tells of the first one, and fails the other steps for it."""
        if isinstance(error, GroupFencedError | _TopicRefusedError):
            raise error
        if isinstance(error, TopicAuthorizationFailedError) and error.args:
            self._refuse(set(error.args[0]), error)

    def _refuse(self, topics: set[str], error: KafkaError) -> None:
        if any(self._directory.is_ours(topic) for topic in topics):
            raise error
        for topic in topics:
            self._directory.refuse(topic)
        raise _TopicRefusedError(f"{_list(topics)}: {error!r}") from error

    async def _replace_producer(self) -> None:
        """Abort: only a new producer of the same id makes sure of it (see `FencedProducer.discard`)."""
        try:
            async with _deadline():
                await self.stop()
                await self.start()
        except UNSURE as error:
            raise BusLost(f"a Kafka transaction failed, and it could not be aborted: {error!r}") from error

    def _started(self) -> FencedProducer:
        if self._producer is None:
            raise BusLost("expected a producer that is started, got none")
        return self._producer


def _deadline() -> asyncio.Timeout:
    return asyncio.timeout(_GIVE_UP_SECONDS)


def _list(topics: Iterable[str]) -> str:
    return ", ".join(sorted(topics))
