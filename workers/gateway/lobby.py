"""Where requests wait for deployments that are out: each until its time has come, or one of its deployments is back."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from ...routing.target import Target


class Lobby:
    """Holds those who wait; `opens_in` says how long a deployment is out, seconds."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], opens_in: Callable[[Target], float]) -> None:
        self._sleep = sleep
        self._opens_in = opens_in
        #: By the deployment that is expected to be back first.
        self._waiting: Counter[str] = Counter()
        self._bells: dict[asyncio.Future[None], Sequence[Target]] = {}

    def __repr__(self) -> str:
        return f"<Lobby {self._waiting.total()} waiting>"

    def waiting(self, deployment: str) -> int:
        """Return how many wait for a deployment."""
        return self._waiting[deployment]

    async def wait(self, first: Target, targets: Sequence[Target], seconds: float) -> None:
        """Wait for so long, or until one of the targets may be called; `first` is whom it is expected of."""
        alarm, bell = asyncio.ensure_future(self._sleep(seconds)), asyncio.get_running_loop().create_future()
        self._waiting[first.id] += 1
        self._bells[bell] = targets
        try:
            await asyncio.wait({alarm, bell}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
            del self._bells[bell]
            self._waiting -= Counter((first.id,))

    def changed(self) -> None:
        """Hear that some deployment is out, or back: whoever waited for it looks again."""
        for bell, targets in self._bells.items():
            if not bell.done() and any(self._opens_in(target) <= 0 for target in targets):
                bell.set_result(None)
