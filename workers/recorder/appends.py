"""How the recorder appends: to the ledger alone, or with all that budgets need beside it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Protocol

from ...reporting.ledger import Appended, Change, Ledger
from ...schemas.alert import Alert
from ..bus.port import UsageSlice
from .bookings import Booked, Bookings
from .herald import Herald
from .keeper import BACK_US, BookKeeper, Posted
from .surveying import Moment, Surveyor


class Appends(Protocol):
    """What the recorder's loop does with what it has read."""

    async def start(self) -> None:
        """Begin; nothing has been appended yet."""
        ...

    async def append(self, slices: Sequence[UsageSlice]) -> Appended:
        """Append. What it raises ends the recorder."""
        ...

    def check(self) -> None:
        """Raise what has gone wrong meanwhile."""
        ...

    def at_end(self, since: float) -> None:
        """Hear that all that lay on the usage topic at some time (monotonic seconds) is appended."""
        ...

    async def stop(self, seconds: float) -> None:
        """Finish what can be finished in so many seconds."""
        ...


class PlainAppends:
    """The ledger alone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def start(self) -> None:
        """Do nothing."""

    async def append(self, slices: Sequence[UsageSlice]) -> Appended:
        """Append."""
        return await asyncio.to_thread(self._ledger.append, slices)

    def check(self) -> None:
        """Do nothing."""

    def at_end(self, since: float) -> None:
        """Do nothing."""

    async def stop(self, seconds: float) -> None:
        """Do nothing."""


class BudgetAppends:
    """The ledger, the store's book of budgets behind it, and the alerts."""

    def __init__(
        self,
        ledger: Ledger,
        bookings: Bookings,
        surveyor: Surveyor,
        keeper: BookKeeper,
        herald: Herald,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._ledger = ledger
        self._bookings = bookings
        self._surveyor = surveyor
        self._keeper = keeper
        self._herald = herald
        self._now_ns = now_ns
        self._cursors: dict[str, str] = {}
        self._running: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<BudgetAppends {self._keeper!r}, {self._bookings!r}>"

    async def start(self) -> None:
        """Take the ledger's sums in, and begin to keep the store's book and to publish alerts."""
        self._cursors = dict(await asyncio.to_thread(self._take_in))
        self._keeper.begin(self._cursors)
        self._running = [_running(self._keeper.run()), _running(self._herald.run())]

    async def append(self, slices: Sequence[UsageSlice]) -> Appended:
        """Append, with the alerts that follow; then post."""
        async with self._keeper.still:
            entry = _Entry(self._bookings)
            appended = await asyncio.to_thread(self._ledger.append, slices, entry)
            self._keeper.post(Posted(self._advance(slices), entry.booked.postings))
        if entry.booked.alerts:
            self._herald.wake()
        return appended

    def check(self) -> None:
        """Raise what has ended the keeper or the herald: neither ends by itself."""
        for task in self._running:
            if task.done():
                task.result()

    def at_end(self, since: float) -> None:
        """Tell the keeper."""
        self._keeper.at_end(since)

    async def stop(self, seconds: float) -> None:
        """Post and publish what there is, if store and bus take it in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._keeper.posted()
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._herald.stop()

    def _take_in(self) -> dict[str, str]:
        moment = Moment(self._now_ns() // 1000, self._ledger.newest(), BACK_US)
        survey = self._ledger.survey([self._surveyor.about_budgets(moment)])
        self._bookings.begin(self._surveyor.settled(moment, survey.answers[0]))
        return dict(survey.cursors)

    def _advance(self, slices: Sequence[UsageSlice]) -> dict[str, tuple[str | None, str]]:
        after = {part.partition: part.next_cursor for part in slices}
        moved = {partition: (self._cursors.get(partition), cursor) for partition, cursor in after.items()}
        self._cursors |= after
        return moved


class _Entry:
    """The watch over one append, which remembers what it made of it."""

    def __init__(self, bookings: Bookings) -> None:
        self._bookings = bookings
        self.booked = Booked()

    def __call__(self, changes: Sequence[Change]) -> Sequence[Alert]:
        self.booked = self._bookings.book(changes)
        return self.booked.alerts


def _running(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)
