"""aiokafka's consumer, made to get past records that it cannot read (`kafka_lenient.py`)."""

import asyncio
import logging
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import ConsumerStoppedError, KafkaError

from .kafka_lenient import read_batch

_log = logging.getLogger(__name__)

_BATCH_BYTES: Final = 1024 * 1024

Fetched = dict[TopicPartition, list[ConsumerRecord]]


class PersistentConsumer(AIOKafkaConsumer):
    """Its `getmany` takes from one partition after the other, so that what it has taken is not lost when one raises.

    aiokafka's own would take records of some partitions, move their positions on, come to the unreadable record in
    another, and raise: the records taken before would be gone.
    """

    #: What the last `getmany` raised. FastStream would log it and ask again, for ever.
    trouble: KafkaError | None = None

    async def getmany(
        self, *_partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Fetched:
        """Return fetched records: at most `max_records`, after at most `timeout_ms` if there are none."""
        if self._closed:
            raise ConsumerStoppedError
        try:
            self._coordinator.check_errors()
            with self._subscription.fetch_context():
                return await self._fetched(timeout_ms / 1000, max_records)
        except KafkaError as error:
            self.trouble = error
            raise

    async def _fetched(self, seconds: float, max_records: int | None) -> Fetched:
        if self._subscription.reassignment_in_progress:
            await self._subscription.wait_for_assignment()
        if not self._fetcher._records:  # noqa: SLF001 - aiokafka's own getmany begins the same way
            await self._wait(seconds)
        if self._subscription.reassignment_in_progress:
            return {}
        return await self._take(max_records)

    @property
    def closed(self) -> bool:
        """Whether it is stopping, or has stopped."""
        return self._closed

    def current_assignment(self) -> Assignment | None:
        """Return aiokafka's own object for what is assigned now: a new one with each assignment."""
        subscription = self._subscription.subscription
        return None if subscription is None else subscription.assignment

    def positions(self) -> dict[TopicPartition, int]:
        """Return the offsets after what was returned; a partition that was not fetched from yet is absent."""
        assignment = self.current_assignment()
        if assignment is None:
            return {}
        states = {tp: assignment.state_value(tp) for tp in assignment.tps}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}

    def lags(self) -> dict[TopicPartition, int] | None:
        """Return, per partition, how far what may be read goes beyond what was returned; None while unknown.

        Markers that transactions leave in the log count as records.
        """
        assignment = self.current_assignment()
        if assignment is None:
            return None
        lags: dict[TopicPartition, int] = {}
        for tp in assignment.tps:
            state = assignment.state_value(tp)
            if state.lso is None or not state.has_valid_position:
                return None
            lags[tp] = max(0, state.lso - state.position)
        return lags

    async def learn(self, topic: str) -> None:
        """Find out which partitions the topic has, and keep that up to date."""
        await self._client._wait_on_metadata(topic)  # noqa: SLF001 - aiokafka's consumer learns of assigned topics only

    def partitions_of(self, topic: str) -> set[int]:
        """Return the partitions that the topic is known to have."""
        return self._client.cluster.partitions_for_topic(topic) or set()

    async def _wait(self, seconds: float) -> None:
        waiter = self._fetcher._create_fetch_waiter()  # noqa: SLF001 - as above
        await asyncio.wait([waiter], timeout=seconds)
        if waiter.done():
            waiter.result()
        else:
            waiter.cancel()

    async def _take(self, max_records: int | None) -> Fetched:
        taken: Fetched = {}
        for tp, result in list(self._fetcher._records.items()):  # noqa: SLF001 - as above
            if taken and not isinstance(result, FetchResult):
                break  # an error comes first the next time
            try:
                records = self._take_from(tp, result, max_records)
            except UnicodeDecodeError:
                return taken or await self._read_leniently(tp)
            if records:
                taken[tp] = records
                max_records = None if max_records is None else max_records - len(records)
            if max_records == 0:
                break
        return taken

    def _take_from(
        self, tp: TopicPartition, result: FetchResult | FetchError, max_records: int | None
    ) -> list[ConsumerRecord]:
        """Take records of one partition, and have more fetched when there are no more."""
        if isinstance(result, FetchError):
            self._fetch_again(tp)
            result.check_raise()
            return []
        records = result.getall(max_records)
        if not result.has_more():
            self._fetch_again(tp)
        return records

    def _fetch_again(self, tp: TopicPartition) -> None:
        del self._fetcher._records[tp]  # noqa: SLF001 - as above
        self._fetcher._notify(self._fetcher._wait_consume_future)  # noqa: SLF001 - as above

    async def _read_leniently(self, tp: TopicPartition) -> Fetched:
        assignment = self.current_assignment()
        if assignment is None:
            return {}
        position = assignment.state_value(tp).position
        batch = await read_batch(self._client, tp, position, _BATCH_BYTES)
        if batch is None or self.current_assignment() is not assignment:
            return {}
        _log.warning("%s/%d: header names that are not UTF-8, from %d to %d", *tp, position, batch.next_offset)
        self.seek(tp, batch.next_offset)
        return {tp: list(batch.records)} if batch.records else {}
