"""Wait until something is so, without asking again and again."""

import asyncio
from collections.abc import Callable


class Bell:
    """Rung whenever facts have changed; whoever waits looks at the facts again."""

    def __init__(self) -> None:
        self._rung: asyncio.Event | None = None

    def ring(self) -> None:
        """Let everybody who waits look again."""
        if self._rung is not None:
            self._rung.set()
            self._rung = None

    async def until(self, so: Callable[[], bool]) -> None:
        """Return when `so()`."""
        while not so():
            if self._rung is None:
                self._rung = asyncio.Event()
            await self._rung.wait()
