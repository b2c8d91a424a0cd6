"""The simulator as a process: until it is told to stop, or its parent is gone."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

from .config import SimulatorConfig
from .server import Simulator

_STDIN: Final = 0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def serve(config: SimulatorConfig, host: str, port: int, *, exit_with_parent: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, or until stdin ends if that is the parent's lifeline.

    The base URL goes to stdout, one line, when connections are accepted. Raises `OSError` if the port is taken.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(config, host, port, exit_with_parent=exit_with_parent))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - it does not exist on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(config: SimulatorConfig, host: str, port: int, *, exit_with_parent: bool) -> None:
    stopped = asyncio.Event()
    _listen_for_the_end(asyncio.get_running_loop(), stopped, lifeline=exit_with_parent)
    simulator = Simulator(config)
    address = await simulator.start(host, port)
    sys.stdout.write(f"{address.base_url}\n")
    sys.stdout.flush()
    try:
        await stopped.wait()
    finally:
        await simulator.stop()


def _listen_for_the_end(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event, *, lifeline: bool) -> None:
    for number in _SIGNALS:
        # Windows knows no signal handlers in a loop; there Ctrl-C raises KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    if lifeline:
        threading.Thread(target=_watch_stdin, args=(loop, stopped), daemon=True, name="lifeline").start()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Wait for the end of stdin: the kernel closes the parent's end however the parent dies.

    It reads the descriptor, not `sys.stdin`: a daemon thread inside a buffered read makes the interpreter's exit fail.
    """
    with contextlib.suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    # The loop may have been closed by a signal meanwhile.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stopped.set)
