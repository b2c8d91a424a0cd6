"""From the bus to the logbook: each answer once, and on the bus until it is safe here."""

import time
from collections.abc import Callable, Sequence

import msgspec

from ..schemas import headers as names
from ..schemas.record import Record, header
from ..schemas.reply import Reply, decode_reply
from .ids import line_of
from .logbook import Logbook
from .pace import Pace
from .port import BatchBus
from .tally import Tally


class Collector:
    """Takes the answers of one batch off the bus, whoever else's lie beside them."""

    def __init__(
        self,
        bus: BatchBus,
        book: Logbook,
        tally: Tally,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._book = book
        self._tally = tally
        self._pace = pace
        self._clock = clock
        self._cursor = book.state.cursor
        self._saved_at = clock()

    async def run(self, *, wait: bool = True) -> None:
        """Return when the batch is complete, when asked to stop, or without `wait` when nothing more is there."""
        while not (self._tally.complete or self._tally.stop.is_set()):
            found = await self._look()
            if not (found or wait):
                break
            if self._clock() - self._saved_at >= self._pace.checkpoint_seconds:
                await self._checkpoint()
        await self._checkpoint()

    async def _look(self) -> bool:
        terms = self._book.state.terms
        found = await self._bus.replies(terms.reply_to, self._cursor, self._pace.poll_seconds)
        taken = self._keep(found.records)
        moved = found.cursor != self._cursor
        self._cursor = found.cursor
        self._tally.tell(answered=taken > 0)
        return moved

    def _keep(self, records: Sequence[Record]) -> int:
        return sum(self._book.take(line, reply) for line, reply in filter(None, map(self._read, records)))

    def _read(self, record: Record) -> tuple[int, Reply] | None:
        """Return an answer of this batch; what else lies on the topic is somebody else's."""
        batch = self._book.state.terms.batch
        if header(record.headers, names.BATCH) != batch.encode() or record.value is None:
            return None
        try:
            reply = decode_reply(record.value)
        except msgspec.DecodeError:
            return None  # not from a gateway, whatever its header says
        line = line_of(batch, reply.headgate.request_id)
        known = line is not None and 0 < line <= self._book.state.source.fingerprint.lines
        return (line, reply) if known and line is not None else None

    async def _checkpoint(self) -> None:
        self._book.checkpoint(self._cursor, self._tally.lines)
        terms = self._book.state.terms
        await self._bus.taken(terms.reply_to, self._cursor, terms.batch)
        self._saved_at = self._clock()
