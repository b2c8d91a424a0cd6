"""When deferral streams have to be read next."""

import time
from collections.abc import Callable
from typing import Final

from .settings import StreamsSettings

#: What becomes due within so many seconds is read together.
_GATHER_SECONDS: Final = 0.02


class Timetable:
    """Knows the next time without asking again and again.

    That is when the first entry becomes due that was there at the last read. One that comes later is not due before it
    has lain for the shortest of all lengths, so a read every so often misses nothing.
    """

    def __init__(self, settings: StreamsSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._shortest = min(settings.lengths.values())
        self._next = 0.0

    def __repr__(self) -> str:
        return f"<Timetable {self.wait():.3f} s>"

    def wait(self) -> float:
        """Return how long until the next read, seconds; 0: now."""
        return max(0.0, self._next - self._now())

    def read(self, next_in: float | None) -> None:
        """Hear that all that was due has been read, or as much as one read takes, and when the next entry is due."""
        wait = self._shortest if next_in is None else min(next_in, self._shortest)
        self._next = self._now() + (max(wait, _GATHER_SECONDS) if wait else 0.0)
