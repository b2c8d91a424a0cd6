"""One process submits one batch, window by window, each exactly once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced, RecordListTooLargeError

from ..schemas.record import Record
from .kafka_producer import UNSURE, TransactionalProducer
from .kafka_wire import fetch_committed

_log = logging.getLogger(__name__)

#: A window that takes longer to commit is given up, and then looked for: perhaps it was committed.
_GIVE_UP_SECONDS: Final = 40.0
_PAUSE_SECONDS: Final = 0.5
#: Failures in a row of a kind that waiting does not cure, as far as Kafka says.
_STRIKES: Final = 3


class RecordTooLargeError(Exception):
    """A record is larger than the bus takes. Nothing of its window was submitted."""


class BatchContestedError(Exception):
    """Another process submits the same batch, and has it now. Nothing of this window was submitted."""


class Mark:
    """A batch's mark: the committed offset of a group that nobody is a member of."""

    def __init__(self, client: AIOKafkaClient, group: str, place: TopicPartition) -> None:
        self._client = client
        self.group = group
        self.place = place

    async def read(self) -> int:
        """Return the mark, 0 if there is none. Waits for a transaction that is setting it."""
        found = await fetch_committed(self._client, self.group, (self.place,))
        return found[self.place].offset if self.place in found else 0


class Submitter:
    """Submits windows of one batch.

    Starting fences whoever submitted the batch before. From then on the mark says what became of a window when the
    connection broke in the middle of it: it is committed with the window's records, or not at all.
    """

    def __init__(
        self,
        make_producer: Callable[[], TransactionalProducer],
        mark: Mark,
        seen: int,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._make_producer = make_producer
        self._mark = mark
        #: The mark as we last saw or set it: nobody else may have moved it.
        self._seen = seen
        self._sleep = sleep
        self._producer: TransactionalProducer | None = None

    async def stop(self) -> None:
        """Close."""
        if self._producer is not None:
            await self._producer.discard()
            self._producer = None

    async def submit(self, records: Sequence[Record], mark: int) -> None:
        """Append all records and set the mark, or do neither; waits while no broker is there."""
        strikes = 0
        while (trouble := await self._try(records, mark)) is not None:
            strikes += not _may_pass(trouble)
            if strikes == _STRIKES:
                raise trouble
            _log.warning("looking whether a window was submitted after %r", trouble)
            await self._sleep(_PAUSE_SECONDS)
        self._seen = mark

    async def _try(self, records: Sequence[Record], mark: int) -> BaseException | None:
        """Submit the window unless it is submitted already; return what was in the way."""
        try:
            if not await self._is_submitted(mark):
                await self._commit(records, mark)
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            await self.stop()
            raise RecordTooLargeError(
                "expected records that the request topic takes, got a larger one; raise its max.message.bytes"
            ) from error
        except UNSURE as error:
            await self.stop()
            return error
        return None

    async def _is_submitted(self, mark: int) -> bool:
        """Say whether the window that sets `mark` is on the bus; become the one who submits if nobody is."""
        if self._producer is not None:
            return False
        self._producer = self._make_producer()
        await self._producer.start()
        stored = await self._mark.read()
        if stored not in {self._seen, mark}:
            await self.stop()
            raise BatchContestedError(
                f"expected the mark of {self._mark.group} to be {self._seen}, got {stored}: another process submits "
                "this batch; stop one of them, and run the same command again to go on"
            )
        return stored == mark

    async def _commit(self, records: Sequence[Record], mark: int) -> None:
        producer = self._producer
        if producer is None:
            raise RuntimeError("expected a producer that is started, got none")
        async with asyncio.timeout(_GIVE_UP_SECONDS):
            offsets = {self._mark.place: OffsetAndMetadata(mark, "")}
            (await producer.prepare(records, offsets, self._mark.group)).check()
            await producer.commit_transaction()


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TimeoutError | ProducerFenced) or (isinstance(error, KafkaError) and error.retriable)
