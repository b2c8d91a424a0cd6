"""The recorder's loop: read, append, tell the source, publish a snapshot now and then; on stop, read to the end.

Exactly once, because the ledger commits rows and cursors together and the source is started from the ledger's cursors:
whatever was read and not appended when the process died is read again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from ...reporting.errors import SnapshotError
from ...reporting.ledger import Ledger
from ...schemas import config
from ..bus.port import UsageSlice, UsageSource
from .appends import Appends, PlainAppends
from .events import Listener, Silent

#: How long one read may wait: what a stop, or a due snapshot, may have to wait for.
_TURN: Final = 0.2
#: The same while the rest is read before the end.
_LAST_TURN: Final = 0.05
#: How long the end may wait for the budgets' store; what it does not hear now it is told by the next recorder.
_LAST_POSTINGS: Final = 2.0


class Recorder:
    """Owns its source and its ledger from `run` on. A recorder runs once."""

    def __init__(
        self,
        source: UsageSource,
        ledger: Ledger,
        pace: config.Ledger,
        listener: Listener | None = None,
        clock: Callable[[], float] = time.monotonic,
        appends: Appends | None = None,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._pace = pace
        self._listener: Listener = Silent() if listener is None else listener
        self._appends: Appends = PlainAppends(ledger) if appends is None else appends
        #: When the last read began.
        self._read_at = clock()
        self._clock = clock
        self._drain_seconds: float | None = None
        self._started = False
        #: Readers need a snapshot as soon as the file is owned, so the first one is due at once.
        self._changed = True
        self._publish_at = clock()

    def __repr__(self) -> str:
        state = "stopping" if self._drain_seconds is not None else "recording" if self._started else "not started"
        return f"<Recorder {state}, lag {self.lag()}, {self._ledger!r}>"

    @property
    def ready(self) -> bool:
        """Whether the source is being read."""
        return self._started

    def lag(self) -> int | None:
        """Return the number of usage records not yet read; None while unknown."""
        return self._source.lag() if self._started else None

    async def run(self) -> None:
        """Record until `stop`, then what is left.

        Whatever goes wrong ends it, `UnwritableLedgerError` and `BusLost` among others. Restart the process then:
        what is not in the ledger is still on the bus.
        """
        try:
            await self._start()
            while self._drain_seconds is None:
                self._appends.check()
                await self._append(await self._collect())
                self._tell_end()
                await self._publish_if_due()
            deadline = self._clock() + self._drain_seconds
            await self._drain(deadline)
            await self._appends.stop(min(_LAST_POSTINGS, max(0.0, deadline - self._clock())))
            await self._publish()
        finally:
            await self._close()

    def stop(self, drain_seconds: float) -> None:
        """Ask `run` to end: it reads to the end of the topic, for at most so many seconds, and publishes the result."""
        self._drain_seconds = drain_seconds

    async def _start(self) -> None:
        await self._appends.start()
        await self._source.start(await asyncio.to_thread(self._ledger.cursors))
        self._started = True

    async def _collect(self) -> Sequence[UsageSlice]:
        """Gather a micro-batch: full, or as old as it may get; nothing if a whole turn brings nothing."""
        slices: list[UsageSlice] = []
        room, patience = self._pace.batch_rows, _TURN
        due: float | None = None
        while room > 0 and patience > 0 and self._drain_seconds is None:
            self._read_at = self._clock()
            read = await self._source.read(room, min(patience, _TURN))
            slices += read
            room -= sum(len(part.values) for part in read)
            if not slices:
                break
            due = self._clock() + self._pace.batch_seconds if due is None else due
            patience = due - self._clock()
        return slices

    async def _append(self, slices: Sequence[UsageSlice]) -> None:
        if not slices:
            return
        began = self._clock()
        appended = await self._appends.append(slices)
        took = self._clock() - began
        self._changed = True
        await self._source.recorded({part.partition: part.next_cursor for part in slices})
        self._listener.appended(appended, took, self._source.lag())

    def _tell_end(self) -> None:
        if self._source.lag() == 0:
            self._appends.at_end(self._read_at)

    async def _drain(self, deadline: float) -> None:
        while self._clock() < deadline:
            slices = await self._source.read(self._pace.batch_rows, _LAST_TURN)
            if not slices and self._source.lag() == 0:
                return
            await self._append(slices)

    async def _publish_if_due(self) -> None:
        if self._clock() >= self._publish_at:
            await self._publish()
            self._publish_at = self._clock() + self._pace.snapshot_seconds

    async def _publish(self) -> None:
        if not self._changed:
            return
        began = self._clock()
        try:
            await asyncio.to_thread(self._ledger.publish)
        except SnapshotError as error:
            self._listener.not_published(error)
            return
        self._changed = False
        self._listener.published(self._clock() - began)

    async def _close(self) -> None:
        try:
            await self._appends.stop(0.0)
        finally:
            try:
                await self._source.stop()
            finally:
                await asyncio.to_thread(self._ledger.close)
