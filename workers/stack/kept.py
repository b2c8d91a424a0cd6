"""One part of the stack, kept alive: started, started again whenever it ends, stopped."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from .lifeline import Lifeline
from .part import Part, PartFailed
from .process import PartProcess, spell_status

_FIRST_PAUSE: Final = 0.2
#: Pauses after a first start that somebody killed. One that ended by itself has its reasons, and would again.
_SECOND_CHANCES: Final = (0.2, 1.0)
_MAX_PAUSE: Final = 5.0
#: A part that lived so long has not failed at once: the next pause is the first one again.
_SETTLED: Final = 10.0


class StackListener(Protocol):
    """Hears what happens to the parts. Methods return at once."""

    def part_ready(self, name: str, pid: int, address: str) -> None:
        """Hear that a part does its work, at first or again."""
        ...

    def part_lost(self, name: str, why: str, pause: float) -> None:
        """Hear that a part ended unasked, and that it is started again after so many seconds."""
        ...


class KeptPart:
    """Keeps one part. `make` is called for every start, so a part can come back with what is known by then."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Part],
        listener: StackListener,
        log: Path | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._make = make
        self._listener = listener
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._process: PartProcess | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.lifeline = Lifeline()
        self.address = ""

    async def start(self) -> str:
        """Start it, and from then on keep it; return its address once it is ready. Raises `PartFailed`, OSError."""
        for pause in _SECOND_CHANCES:
            try:
                await self._begin()
                break
            except PartFailed as error:
                if not error.was_killed:
                    raise
                self._listener.part_lost(self._name, error.why, pause)
                await self._sleep(pause)
        else:
            await self._begin()
        self._keeping = asyncio.create_task(self._keep(), name="keep a part of the stack")
        return self.address

    async def stop(self) -> None:
        """End it, and return when it is gone. Once is enough."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        if self._process is not None:
            await self._process.stop()
            self._process = None
        self.lifeline.cut()

    async def _begin(self) -> None:
        part = self._make()
        self._process = await PartProcess.spawn(part, self.lifeline.reader, self._log)
        self.address = await self._process.ready()
        self._listener.part_ready(self._name, self._process.pid, self.address)

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            began = self._clock()
            why: str | None = await self._end_of_life()
            if self._clock() - began >= _SETTLED:
                pause = _FIRST_PAUSE
            while why is not None:
                self._listener.part_lost(self._name, why, pause)
                await self._sleep(pause)
                pause = min(_MAX_PAUSE, 2 * pause)
                why = await self._revive()

    async def _end_of_life(self) -> str:
        if self._process is None:
            raise RuntimeError("expected a part that was started, it was not")
        return spell_status(await self._process.ended())

    async def _revive(self) -> str | None:
        """Start it again; say why that failed, if it did."""
        try:
            await self._begin()
        except PartFailed as error:
            if self._process is not None:
                await self._process.stop()
            return error.why
        except OSError as error:
            return f"cannot be started: {error}"
        return None
