"""What every process can say of itself: its version, its log, its event loop."""

import asyncio
import platform
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from . import catalogue as of
from .logs import Logs
from .readings import Reading, Source

_LOOK: Final = 0.5


def build_readings() -> Source:
    """Make a source that names the version that runs."""
    labels = (_version(), platform.python_version())
    return lambda: (Reading(of.BUILD, 1, labels),)


def _version() -> str:
    try:
        return version("headgate")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


def log_readings(logs: Logs) -> Source:
    """Make a source of the number of lines logged."""
    return lambda: [Reading(of.LOG_LINES, count, (level,)) for level, count in logs.written.items()]


class LoopWatch:
    """Looks twice a second whether the event loop is late; a `Source` of readings when called.

    A loop that hangs cannot look, so what counts is the time since the last look was due, seen by whoever asks: a
    probe that is answered at all is answered by a loop that has just become free.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._due: float | None = None
        self._late = 0.0

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            due = self._due = self._clock() + _LOOK
            await self._sleep(_LOOK)
            self._late = max(0.0, self._clock() - due)

    def lag(self) -> float:
        """Return how late the loop is, or was at the last look, seconds."""
        return self._late if self._due is None else max(self._late, self._clock() - self._due)

    def __call__(self) -> Iterator[Reading]:
        """Read the lag."""
        yield Reading(of.LOOP_LAG, self.lag())
