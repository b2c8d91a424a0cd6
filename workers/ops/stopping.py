"""Stopping a process: asked once, it finishes within a deadline; asked twice, it goes at once."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_log = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
#: What the shell adds to a signal's number in an exit status.
_BY_SIGNAL: Final = 128
#: After the deadline, this long for closing connections before the process is ended where it stands.
_GRACE: Final = 5.0


class Stopping:
    """Hears SIGTERM and SIGINT while it is entered, and `ask`; tells whoever waits.

    Entered, the second signal ends the process at once with 128 + its number. So does the deadline, with 1, if the
    process is still there `grace` seconds after it: whatever hangs must not keep a supervisor waiting. Nothing is lost
    by either, because nothing uncommitted is forgotten by the bus. Not entered, it only keeps the deadline: for a
    process whose signals somebody else hears.
    """

    def __init__(
        self,
        drain_seconds: float,
        *,
        grace: float = _GRACE,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._drain = drain_seconds
        self._grace = grace
        self._clock = clock
        self._end = end
        self._asked = asyncio.Event()
        self._deadline: float | None = None
        self._watchdog: threading.Timer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.reason: str | None = None

    def __repr__(self) -> str:
        return f"<Stopping {self.reason or 'not asked'}, {self.remaining():.1f} s>"

    @property
    def asked(self) -> bool:
        """Whether anybody asked."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Return when somebody asks to stop."""
        await self._asked.wait()

    def remaining(self) -> float:
        """Return how many seconds are left to finish in: all of them until somebody asks."""
        return self._drain if self._deadline is None else max(0.0, self._deadline - self._clock())

    def ask(self, reason: str) -> None:
        """Ask to stop; the first to ask sets the deadline. To be called on the event loop's thread."""
        if self.asked:
            return
        self.reason = reason
        self._deadline = self._clock() + self._drain
        if self._loop is not None:  # entered: the process is ours to end
            self._watchdog = threading.Timer(self._drain + self._grace, self._overdue)
            self._watchdog.daemon = True
            self._watchdog.start()
        _log.info("stopping: %s", reason, extra={"seconds": self._drain})
        self._asked.set()

    def _signalled(self, number: signal.Signals) -> None:
        if self.asked:
            _log.warning("ended by a second signal", extra={"signal": number.name})
            self._end(_BY_SIGNAL + number)
        self.ask(number.name)

    def _overdue(self) -> None:
        """End the process, from the watchdog's thread: the loop may be what hangs."""
        try:
            _log.critical(
                "not finished in time: ended",
                extra={"seconds": self._drain + self._grace, "waiting": "; ".join(_places(self._loop))},
            )
        finally:  # whatever is the matter with the log
            self._end(1)

    def __enter__(self) -> Self:
        """Hear signals; on the main thread, inside the running loop."""
        self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._signalled, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Hear signals no more: the process has finished in time."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self._loop is not None:
            for number in _SIGNALS:
                self._loop.remove_signal_handler(number)
            self._loop = None


def _places(loop: asyncio.AbstractEventLoop | None) -> list[str]:
    """Say where each task stands, functions and lines only: what hangs at the end of a process is seldom seen again."""
    tasks = set[asyncio.Task[object]]() if loop is None else asyncio.all_tasks(loop)
    return sorted(f"{task.get_name()} at {' < '.join(reversed(_frames(task)))}" for task in tasks)


def _frames(task: asyncio.Task[object]) -> list[str]:
    """Return a task's frames, outermost first; `Task.get_stack` shows the outermost one only."""
    frames: list[str] = []
    waits: object = task.get_coro()
    while (frame := getattr(waits, "cr_frame", None)) is not None:
        frames.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        waits = getattr(waits, "cr_await", None)
    return frames
