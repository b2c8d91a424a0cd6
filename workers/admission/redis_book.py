"""The budgets' book on a Redis or Valkey."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

from ...routing.admission.calendar import LIVES
from .calls import Calls, Store
from .port import Alert, BookState, BudgetState, Phase, Posting, Spent, Taken
from .thresholds import threshold_amount
from .wire import Tables, decode, encode, end_of, window_id

#: Sums of one call when the book is filled: the server does nothing else meanwhile.
_MOST_AT_ONCE: Final = 2000


class RedisBook:
    """The recorder's side.

    `settle_seconds` is how long after `open` workers have to post what they hold; `ready` waits for the rest of it.
    `now_us` replaces the server's clock, for tests.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        *,
        settle_seconds: float = 2.5,
        now_us: Callable[[], int] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._calls = Calls(store, prefix, now_us)
        self._settle_us = int(settle_seconds * 1e6)
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<RedisBook {self._calls!r}>"

    async def state(self) -> BookState:
        """Return where the book stands."""
        answer: list[bytes] = await self._calls.run("state", encode(()))
        phase, epoch, *flat = (part.decode() for part in answer)
        if phase == Phase.EMPTY.value:
            return BookState(Phase.EMPTY)
        return BookState(Phase(phase), epoch, dict(zip(flat[::2], flat[1::2], strict=True)))

    async def open(
        self, epoch: str, cursors: Mapping[str, str], spent: Sequence[Spent], taken: Sequence[Taken]
    ) -> None:
        """Begin a new life of the store. `epoch` must be new. Raises `LinkError`: then open anew with another."""
        if not epoch:
            raise ValueError("expected an epoch, got an empty one")
        flat = [part for pair in cursors.items() for part in pair]
        await self._calls.run("open", encode((epoch, zlib.crc32(epoch.encode()) % LIVES, flat)))
        for start in range(0, max(len(spent), len(taken)), _MOST_AT_ONCE):
            part = slice(start, start + _MOST_AT_ONCE)
            await self._calls.run("fill", _filling(epoch, spent[part], taken[part]), once=True)

    async def apply(
        self,
        epoch: str,
        cursors: Mapping[str, tuple[str | None, str]],
        postings: Sequence[Posting],
        thresholds: Mapping[str, Sequence[float]],
    ) -> Sequence[Alert] | None:
        """Post what one append changed, once."""
        if not cursors:
            raise ValueError("expected a cursor at least, got none: without it nobody knows what was applied")
        flat = [part for partition, (before, after) in cursors.items() for part in (partition, before or False, after)]
        tables = Tables()
        rows = [
            (posting.attempt_id, *(part for one in posting.amounts for part in (tables.window(one.window), one.amount)))
            for posting in postings
        ]
        windows = [
            (window_id(one), end_of(one), *(threshold_amount(one.limit, t) for t in thresholds.get(one.name, ())))
            for one in tables.windows
        ]
        answer: bytes = await self._calls.run("apply", encode((epoch, flat, windows, rows)))
        return list(_alerts(decode(answer), tables, thresholds)) if answer else None

    async def ready(self, epoch: str) -> bool:
        """Let workers spend, once they had time to post their holds again."""
        while (left := await self._calls.run("ready", encode((epoch, self._settle_us)))) > 0:
            await self._sleep(left / 1e6)
        return bool(left == 0)

    async def budgets(self) -> Sequence[BudgetState]:
        """Return all that the store has of budgets."""
        flat: list[bytes] = await self._calls.run("budgets", encode(()))
        settled: dict[str, int] = {}
        held: dict[str, int] = {}
        for field, amount in zip(flat[::2], flat[1::2], strict=True):
            sums = {b"s": settled, b"h": held}.get(field[:1])
            if sums is not None:
                sums[field[1:].decode()] = int(amount)
        return [
            BudgetState(*_told_apart(window), settled.get(window, 0), held.get(window, 0))
            for window in {**settled, **held}
        ]


def _told_apart(window: str) -> tuple[str, int]:
    """Undo `window_id`."""
    name, _, start = window.rpartition(":")
    return name, int(start)


def _filling(epoch: str, spent: Sequence[Spent], taken: Sequence[Taken]) -> bytes:
    tables = Tables()
    sums = [part for one in spent for part in (tables.window(one.window), one.amount)]
    slots = [part for one in taken for part in (tables.limit(one.limit), one.at_us, one.amount)]
    return encode((epoch, tables.ends, sums, tables.calendars, slots))


def _alerts(flat: Sequence[int], tables: Tables, thresholds: Mapping[str, Sequence[float]]) -> Iterator[Alert]:
    for window_place, threshold_place, settled in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        window = tables.windows[window_place - 1]
        yield Alert(window, thresholds[window.name][threshold_place - 1], settled)
