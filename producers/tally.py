"""What submitter and collector of one batch tell each other."""

import asyncio

from .facts import BatchFacts, Watcher
from .logbook import Logbook


class Tally:
    """Counts of one batch, and its two signals: that it shall stop, and that something was answered."""

    def __init__(self, book: Logbook, watcher: Watcher) -> None:
        self._book = book
        self._watcher = watcher
        self._answered = asyncio.Event()
        self.stop = asyncio.Event()
        #: Lines submitted or answered so far, this time.
        self.passed = 0
        #: Lines there are, once the file has been read to its end.
        self.lines = book.state.lines
        self.full = False

    @property
    def outstanding(self) -> int:
        """Lines that wait for their answer on the bus."""
        return max(0, self.passed - self._book.totals.answered)

    @property
    def complete(self) -> bool:
        """Every line has its answer."""
        return self.lines is not None and self._book.totals.answered >= self.lines

    def facts(self) -> BatchFacts:
        """Describe the batch as it is now."""
        state, totals = self._book.state, self._book.totals
        return BatchFacts(
            batch=state.terms.batch,
            totals=totals,
            passed=max(self.lines or self.passed, totals.answered),
            lines=state.source.fingerprint.lines if self.lines is None else self.lines,
            counted=self.lines is not None,
            full=self.full,
        )

    def tell(self, *, answered: bool = False) -> None:
        """Tell the watcher how it stands, and whoever waits in `moved` that there are new answers."""
        if answered:
            self._answered.set()
        self._watcher.changed(self.facts())

    async def moved(self, max_wait_seconds: float) -> None:
        """Wait for new answers, but not for ever: room on the bus may come from elsewhere."""
        self._answered.clear()
        try:
            async with asyncio.timeout(max_wait_seconds):
                await self._answered.wait()
        except TimeoutError:
            return
