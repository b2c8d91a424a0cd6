"""Commits what the gateway has completed, a transaction at a time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ....schemas.record import Record
from ..port import BusLost, Committed, Delivery, Durable
from .bell import Bell
from .load import Completion, Handle, Load, Published, Queue
from .partitions import Partitions
from .transactions import FencedOutError, RefusedError, Transactions

_log = logging.getLogger(__name__)

#: A transaction is tried again without what a topic refused; so many refusals in a row are something else.
_TRIES: Final = 50


class Outbox:
    """Commits what is queued: at once when nothing was, otherwise `interval` seconds after the last commit has ended.

    Counted from its end, because commits that take long are best made larger and fewer.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, and time
        self,
        transactions: Transactions,
        partitions: Partitions,
        divert: Callable[[Record], Record],
        bell: Bell,
        fenced: Callable[[], None],
        *,
        interval: float = 0.05,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transactions = transactions
        self._partitions = partitions
        self._queue = Queue(partitions, divert)
        self._bell = bell
        self._fenced = fenced
        self._interval = interval
        self._now = now
        self._sleep = sleep
        self._lock = asyncio.Lock()
        self._due = asyncio.Event()
        self._committed: Committed = lambda _: None
        self._closed = False
        #: Transactions in a row that a topic refused.
        self._refusals = 0
        self.commits = 0
        self.commit_seconds = 0.0

    def __repr__(self) -> str:
        return f"<Outbox {len(self._queue)} queued, {self.commits} commits>"

    def hear(self, committed: Committed) -> None:
        """Tell `committed` of every delivery whose completion is durable."""
        self._committed = committed

    def complete(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Queue a delivery's end."""
        handle = delivery.handle
        if not isinstance(handle, Handle):
            raise TypeError(f"expected a delivery of this bus, got one with the handle {handle!r}")
        if self._closed:
            _log.warning("%s was completed after the bus had stopped; it will be delivered again", delivery.place)
            return
        self._queue.completions.append(Completion(delivery, handle, replies, usage))
        self._due.set()
        handle.tracker.out -= 1
        if not handle.tracker.out:
            self._bell.ring()

    def publish(self, records: Sequence[Record], durable: Durable | None = None) -> None:
        """Queue records that complete nothing."""
        if self._closed:
            _log.warning("%d records were published after the bus had stopped; they are lost", len(records))
            return
        self._queue.published.append(Published(records, durable))
        self._due.set()

    def poke(self) -> None:
        """Look again: what had to wait may not have to any more."""
        self._due.set()

    async def run(self) -> None:
        """Commit for ever; raises `BusLost`. To be cancelled only when `close` has returned."""
        last = self._now() - self._interval
        while True:
            await self._due.wait()
            pause = last + self._interval - self._now()
            if pause > 0:
                await self._sleep(pause)
            self._due.clear()
            await self._commit_once()
            last = self._now()

    async def _commit_once(self) -> None:
        async with self._lock:
            load = self._queue.take()
            if load:
                await self._commit(load)
            if self._queue.overfull:
                self._due.set()

    async def flush(self, then: Callable[[], None] | None = None) -> None:
        """Commit all that can be committed now; do `then` before anything else can be."""
        async with self._lock:
            await self._flush()
            if then is not None:
                then()

    async def close(self) -> None:
        """Commit what can be committed; of the rest, the usage: its requests will be delivered again."""
        async with self._lock:
            await self._flush()
            self._partitions.keep(())
            await self._flush()
            self._closed = True

    async def _flush(self) -> None:
        while load := self._queue.take():
            await self._commit(load)

    async def _commit(self, load: Load) -> None:
        """Commit a load, or put it back."""
        began = self._now()
        try:
            if load.records or load.offsets:
                await self._transactions.commit(load.records, load.offsets)
        except RefusedError as error:
            self._put_back(load)
            self._refusals += 1
            _log.warning("a transaction is tried again without what a topic refuses: %s", error)
            if self._refusals == _TRIES:
                raise BusLost(f"expected a transaction to go through, got {_TRIES} refusals: {error}") from error
        except FencedOutError:
            self._put_back(load)
            self._partitions.suspend()
            self._fenced()
            _log.warning("the group has given our partitions away; waiting to hear which are ours")
        else:
            self._refusals = 0
            self.commit_seconds += self._now() - began
            self._settle(load)

    def _put_back(self, load: Load) -> None:
        self._queue.put_back(load)
        self._due.set()

    def _settle(self, load: Load) -> None:
        self.commits += 1
        for tracker, finished in load.over.items():
            tracker.settle(finished, load.offsets[tracker.partition])
        delivered = load.delivered()
        if delivered:
            self._committed(delivered)
        for published in load.published:
            if published.durable is not None:
                published.durable()
        self._bell.ring()
