"""Many callers, few round trips: what is asked while a call is under way goes with the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

_MOST: Final = 64


class Batcher(Generic[_T, _R]):
    """Gathers items for `call`, which answers each of them, in order. One call at a time."""

    def __init__(self, call: Callable[[Sequence[_T]], Awaitable[Sequence[_R]]], most: int = _MOST) -> None:
        self._call = call
        self._most = most
        self._waiting: list[tuple[_T, asyncio.Future[_R]]] = []
        self._calling: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Batcher {len(self._waiting)} waiting>"

    async def ask(self, item: _T) -> _R:
        """Return the answer to `item`; raises what the call raised."""
        future: asyncio.Future[_R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._calling is None:
            self._calling = asyncio.ensure_future(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                handful, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(handful)
        finally:
            self._calling = None

    async def _answer(self, handful: Sequence[tuple[_T, asyncio.Future[_R]]]) -> None:
        try:
            answers = await self._call([item for item, _ in handful])
        except Exception as error:  # noqa: BLE001 - it is the callers' to handle, each of them
            for _, future in handful:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(handful, answers, strict=True):
            if not future.done():
                future.set_result(answer)
