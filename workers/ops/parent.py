"""`--exit-with-parent`: a process whose standard input ends stops as if by SIGTERM, however its parent died."""

import asyncio
import contextlib
import os
import threading
from typing import Final, Protocol

_STDIN: Final = 0
_CHUNK: Final = 4096
PARENT_GONE: Final = "the parent closed our standard input"


class Stoppable(Protocol):
    """What is asked to stop."""

    def ask(self, reason: str) -> None:
        """Ask, on the event loop's thread."""
        ...


def stop_with_parent(stopping: Stoppable, fd: int = _STDIN) -> threading.Thread:
    """Ask `stopping` once the other end of `fd` is closed; what is written there is ignored.

    A thread, because an event loop cannot wait for every kind of input (a file, /dev/null). It dies with the process.
    """
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=_read_to_end, args=(fd, loop, stopping), name="parent", daemon=True)
    thread.start()
    return thread


def _read_to_end(fd: int, loop: asyncio.AbstractEventLoop, stopping: Stoppable) -> None:
    try:
        while os.read(fd, _CHUNK):
            pass
    except OSError:
        pass  # no standard input at all: there is no parent to wait for
    with contextlib.suppress(RuntimeError):  # the loop is closed: we have stopped already
        loop.call_soon_threadsafe(stopping.ask, PARENT_GONE)
