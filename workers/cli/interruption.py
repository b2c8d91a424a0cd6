"""Ctrl-C: once to stop where nothing is lost, twice to go at once."""

import asyncio
import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from .exits import Status

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Hears SIGINT and SIGTERM while it is entered: calls `stop` at the first, ends the process at the second.

    Ending at once loses nothing: what is on disk is always whole, and the parts of a stack end by their lifelines.
    """

    def __init__(self, stop: Callable[[], None], end: Callable[[int], object] = os._exit) -> None:
        self._stop = stop
        self._end = end
        self.asked = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def _hear(self) -> None:
        if self.asked:
            self._end(Status.INTERRUPTED)
        self.asked = True
        self._stop()
