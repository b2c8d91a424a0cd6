"""A transactional producer that can be given up."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError

from ..schemas.record import Record
from .kafka_batches import BATCH_BYTES, BatchWriter, Limits, Written
from .kafka_client import MAX_RECORD_BYTES, ClientOptions

_log = logging.getLogger(__name__)

_CLOSE_SECONDS: Final = 5.0

#: A broker that does not answer for so long is asked again.
REQUEST_TIMEOUT_MS: Final = 20_000
#: How long the broker keeps a transaction open whose producer is silent, seconds. So long may a dead or suspended
#: process hold up readers of the topics that it was writing to.
TRANSACTION_SECONDS: Final = 30.0


#: What means that nobody knows how a transaction ended. aiokafka guards its states with assertions.
UNSURE: Final = (KafkaError, AssertionError, TimeoutError)


class Prepared(NamedTuple):
    """A transaction of which all but the last step was taken, or tried."""

    batches: Sequence[Written]
    steps: Sequence[asyncio.Future[object] | asyncio.Future[None]]

    def check(self) -> None:
        """Raise if a step failed."""
        for step in self.steps:
            step.result()


class TransactionalProducer(AIOKafkaProducer):
    """Its predecessor of the same `transactional_id` is fenced when it starts, and what that left open is aborted."""

    def __init__(
        self,
        options: ClientOptions,
        transactional_id: str,
        limits: Limits | None = None,
        *,
        seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        super().__init__(
            **options,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(seconds * 1000),
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            compression_type="snappy",  # a tenth of the time of aiokafka's lz4 and zstd, which compress harder
        )
        self._writer = BatchWriter(self, limits)

    async def prepare(
        self, records: Sequence[Record], offsets: Mapping[TopicPartition, OffsetAndMetadata], group: str
    ) -> Prepared:
        """Begin a transaction, and wait until everything in it has landed or failed. To be followed by the commit."""
        await self.begin_transaction()
        batches = await self._writer.write(records)
        steps: list[asyncio.Future[object] | asyncio.Future[None]] = [batch.done for batch in batches]
        if offsets:
            steps.append(asyncio.ensure_future(self.send_offsets_to_transaction(offsets, group)))
        if steps:
            await asyncio.wait(steps)
        return Prepared(batches, steps)

    def trouble(self) -> BaseException | None:
        """Return the error that the current transaction can only be aborted for, if there is one."""
        waiter = self._txn_manager.wait_for_transaction_end()
        return waiter.exception() if waiter is not None and waiter.done() else None

    async def discard(self) -> None:
        """Close without waiting for what is on its way: the next producer of this id has the broker abort it.

        Never `stop` or reuse a producer after a failed transaction. aiokafka forgets after an error which partitions
        took part, and so completes an abort without telling the broker; the next commit would publish what was to be
        aborted.
        """
        self._closed = True
        sending = self._sender.sender_task
        if sending is not None:
            sending.cancel()
            _, late = await asyncio.wait({sending}, timeout=_CLOSE_SECONDS)
            if late:
                _log.warning("a discarded Kafka producer still sends after %g s", _CLOSE_SECONDS)
            elif not sending.cancelled() and (error := sending.exception()) is not None:
                _log.info("a discarded Kafka producer had failed: %r", error)
        await self.client.close()
