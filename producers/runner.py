"""A batch's three stories: run it through, only submit it, only collect it."""

import asyncio
from dataclasses import replace

from .collector import Collector
from .facts import BatchFacts, Watcher
from .logbook import Logbook
from .pace import Pace
from .port import BatchBus
from .signing import Prove
from .submitter import Submitter
from .tally import Tally


class BatchRun:
    """One go at a batch. Whatever ends it, the next go continues where it stands, with the same logbook."""

    def __init__(
        self,
        bus: BatchBus,
        book: Logbook,
        watcher: Watcher,
        pace: Pace | None = None,
        prove: Prove = lambda record: record,
    ) -> None:
        """Take what a batch needs; `prove` gives each record the proof of its key, right before it is submitted."""
        self._bus = bus
        self._book = book
        self._tally = Tally(book, watcher)
        self._pace = pace or Pace()
        self._prove = prove

    def stop(self) -> None:
        """Submit no more, keep what has come, and return."""
        self._tally.stop.set()

    async def run(self) -> BatchFacts:
        """Submit and collect until the batch is complete."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collector().run(), name="collect")
                if self._tally.lines is None:
                    tasks.create_task(self._submitter(self._pace).run(), name="submit")
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group  # the first cause: the other task only ended because of it
        return self._tally.facts()

    async def submit(self) -> BatchFacts:
        """Submit everything, collect nothing."""
        if self._tally.lines is None:
            await self._submitter(replace(self._pace, outstanding=None)).run()
            self._book.checkpoint(self._book.state.cursor, self._tally.lines)
        return self._tally.facts()

    async def collect(self, *, wait: bool) -> BatchFacts:
        """Collect what is there, or with `wait` everything there will be."""
        await self._collector().run(wait=wait)
        return self._tally.facts()

    def _collector(self) -> Collector:
        return Collector(self._bus, self._book, self._tally, self._pace)

    def _submitter(self, pace: Pace) -> Submitter:
        return Submitter(self._bus, self._book, self._tally, pace, self._prove)
