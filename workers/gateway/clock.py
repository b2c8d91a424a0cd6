"""Time, sleep and chance, as parameters."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, sleep and chance, as parameters."""

    #: Unix seconds.
    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    #: Uniform in [0, 1).
    chance: Callable[[], float] = lambda: 0.5

    def now_us(self) -> int:
        """Return unix microseconds."""
        return int(self.now() * 1e6)
