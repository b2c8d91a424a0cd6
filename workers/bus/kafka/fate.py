"""How the bus ends: once, one way or the other."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

from ..port import BusLost

_log = logging.getLogger(__name__)


class Fate:
    """Stopped, or lost. The first word counts."""

    def __init__(self, tell: Callable[[], None]) -> None:
        """Make one that calls `tell` when it is decided."""
        self._tell = tell
        self._over = asyncio.Event()
        self._lost: BusLost | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def over(self) -> bool:
        """Whether the bus has stopped or is lost."""
        return self._over.is_set()

    @property
    def lost(self) -> BusLost | None:
        """Why the bus cannot go on."""
        return self._lost

    def stop(self) -> None:
        """Say that the bus has stopped."""
        self._decide()

    def _decide(self) -> None:
        self._over.set()
        self._tell()

    def lose(self, error: BaseException) -> None:
        """Say that the bus cannot go on, and why. What FastStream and aiokafka would swallow comes here."""
        if self._over.is_set():
            return
        _log.critical("the Kafka bus cannot go on; the worker must be restarted", exc_info=error)
        self._lost = error if isinstance(error, BusLost) else BusLost(f"the Kafka bus failed: {error!r}")
        self._decide()

    def watch(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `work` beside; if it fails, the bus is lost."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """End all that runs beside."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.lose(error)

    async def wait(self) -> None:
        """Return when stopped; raise when lost."""
        await self._over.wait()
        if self._lost is not None:
            raise self._lost
