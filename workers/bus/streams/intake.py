"""From the streams to the gateway."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from ....producers.redis_link import GroupGone, LinkDown
from ..port import Admit, Delivery
from .out import Out
from .reader import Reader
from .timetable import Timetable

_PAUSE_SECONDS: Final = 0.1


class Intake:
    """Reads and delivers, one handful at a time: nothing is read while the gateway has no room."""

    def __init__(self, reader: Reader, timetable: Timetable, out: Out, trouble: Callable[[LinkDown], None]) -> None:
        self._reader = reader
        self._timetable = timetable
        self._out = out
        #: Whether it is the lanes' turn, whatever else is due.
        self._lanes_next = False
        #: Whoever is told sets `behind`: an answer may have got lost.
        self._trouble = trouble
        #: The server's book may hold entries of ours that we do not have: after a broken connection, or an adoption.
        self.behind = True
        #: Deliver no more.
        self.stopping = False

    async def run(self, admit: Admit) -> None:
        """Deliver until `stopping`."""
        while not self.stopping:
            fresh = await self._next()
            if fresh and not self.stopping:
                await admit(fresh)
            elif fresh:
                self._out.remove(fresh)  # they stay ours in the server's book, and somebody's who adopts them

    async def _next(self) -> Sequence[Delivery]:
        try:
            if self.behind:
                return await self._catch_up()
            return self._out.add(await self._fresh())
        except GroupGone:
            await self._make_groups()
        except LinkDown as error:
            self._trouble(error)
            await asyncio.sleep(_PAUSE_SECONDS)
        return ()

    async def _fresh(self) -> Sequence[Delivery]:
        """Read what is due when it is due, otherwise the lanes, and these no longer than until then."""
        wait = self._timetable.wait()
        if wait > 0 or self._lanes_next:
            self._lanes_next = False
            return await self._reader.fresh(wait)
        self._lanes_next = True
        due, next_in = await self._reader.due()
        self._timetable.read(next_in)
        return due

    async def _catch_up(self) -> Sequence[Delivery]:
        self.behind = False
        with self._out.remembering():
            left = await self._reader.left(self._out)
            self.behind = self.behind or bool(left)
            return self._out.add(left)

    async def _make_groups(self) -> None:
        try:
            await self._reader.make_groups()
        except LinkDown as error:
            self._trouble(error)
