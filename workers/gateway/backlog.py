"""Requests that are read after those of others, because their key's line is long.

Another key's requests may stand behind thousands of theirs on the same partition. Each costs a look at its key, and is
put aside as it came; when the others are served it is read, and sent away.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...routing.access.keyring import Keyring
from ...routing.admission.line import Lines
from ...schemas.reading import key_at_a_glance
from ...schemas.request import Defaults
from ...schemas.topics import Lane
from ..bus.port import Delivery
from .clock import Clock
from .room import Room

#: Requests that are read between two looks at the rest of the event loop.
_HANDFUL: Final = 32
#: While others are served, reading takes one part of the time in so many.
_PARTS: Final = 4
#: What a request takes in memory beside its value, bytes.
_AROUND: Final = 1024


@dataclass(slots=True)
class Backlog:
    """Puts aside what `feed` is to be given later."""

    #: By their topics.
    lanes: Mapping[str, Lane]
    defaults: Defaults
    keyring: Keyring
    lines: Lines
    #: Bounds what is put aside.
    room: Room
    clock: Clock
    now_us: Callable[[], int]
    feed: Callable[[Sequence[Delivery]], Awaitable[None]]
    spawn: Callable[[Coroutine[None, None, None]], None]
    #: Whether requests of others are served at the moment.
    is_busy: Callable[[], bool]
    _aside: deque[Delivery] = field(default_factory=deque[Delivery])
    _reading: bool = False
    #: Whether there was anything to look at since the last handful was read.
    _looked: bool = False

    async def others(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Put aside those whose line is long, as soon as there is room, and return the others."""
        if not self.lines:
            return deliveries
        now_us = self.now_us()
        self._looked = True
        aside = [delivery for delivery in deliveries if self._stands_far_back(delivery, now_us)]
        if not aside:
            return deliveries
        places = {delivery.place for delivery in aside}
        await self._put(aside)
        return [delivery for delivery in deliveries if delivery.place not in places]

    def _stands_far_back(self, delivery: Delivery, now_us: int) -> bool:
        lane = self.lanes.get(delivery.record.topic)  # none: it comes back from a deferral topic
        key = None if lane is None else key_at_a_glance(delivery.record, self.defaults)
        if lane is None or key is None:
            return False
        return self.lines.turn_us(key, self.keyring.lane(key, lane), now_us) is not None

    async def _put(self, deliveries: list[Delivery]) -> None:
        while deliveries:
            count = await self.room.take([_size(delivery) for delivery in deliveries])
            self._aside.extend(deliveries[:count])
            deliveries = deliveries[count:]
            if not self._reading:
                self._reading = True
                self.spawn(self._read())

    async def _read(self) -> None:
        while self._aside:
            began = self.clock.now()
            handful = [self._aside.popleft() for _ in range(min(_HANDFUL, len(self._aside)))]
            await self.feed(handful)
            for delivery in handful:
                self.room.give_back(_size(delivery))
            busy, self._looked = self._looked or self.is_busy(), False
            await self.clock.sleep((self.clock.now() - began) * (_PARTS - 1) if busy else 0)
        self._reading = False


def _size(delivery: Delivery) -> int:
    return len(delivery.record.value or b"") + _AROUND
