"""Demands and verdicts as `acquire.lua`, `release.lua` and `join.lua` read and write them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ...routing.admission.demand import BudgetWindow, Charge, Correction, Demand, Hold, Mark, ParallelLimit, RateLimit
from ...routing.admission.level import Level
from ...routing.admission.verdict import Busy, Exhausted, Fenced, Go, Late, Never, NotReady, Stale, Verdict, Wait
from .grants import Grant

#: Lua's numbers are exact so far.
MOST: Final = 2**53

encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder().decode


class Tables:
    """Limits and windows, written once and named by their place, from 1 as Lua counts."""

    __slots__ = ("_limits", "_parallels", "_windows", "limits", "parallels", "windows")

    def __init__(self) -> None:
        self._limits: dict[int, int] = {}
        self._parallels: dict[ParallelLimit, int] = {}
        self._windows: dict[tuple[str, int, int], int] = {}
        self.limits: list[RateLimit] = []
        self.parallels: list[ParallelLimit] = []
        self.windows: list[BudgetWindow] = []

    def limit(self, limit: RateLimit) -> int:
        """Return a limit's place. By identity, which is cheap: the same limit may have two places."""
        place = self._limits.get(id(limit))
        if place is None:
            self.limits.append(limit)
            place = self._limits[id(limit)] = len(self.limits)
        return place

    def parallel(self, parallel: ParallelLimit) -> int:
        """Return a parallel limit's place."""
        place = self._parallels.get(parallel)
        if place is None:
            self.parallels.append(parallel)
            place = self._parallels[parallel] = len(self.parallels)
        return place

    def window(self, window: BudgetWindow) -> int:
        """Return a window's place."""
        key = (window.name, window.start_us, window.limit)
        place = self._windows.get(key)
        if place is None:
            self.windows.append(window)
            place = self._windows[key] = len(self.windows)
        return place

    def charges(self, charges: Iterable[Charge]) -> list[int]:
        """Return places and amounts in turn."""
        flat: list[int] = []
        for charge in charges:
            if not 0 <= charge.amount <= MOST:
                raise _too_much(charge.limit.name, charge.amount)
            flat += (self.limit(charge.limit), charge.amount)
        return flat

    def holds(self, holds: Iterable[Hold]) -> list[int]:
        """Return places and amounts in turn."""
        flat: list[int] = []
        for hold in holds:
            if not 0 <= hold.amount <= MOST:
                raise _too_much(hold.window.name, hold.amount)
            flat += (self.window(hold.window), hold.amount)
        return flat

    def corrections(self, corrections: Iterable[Correction]) -> list[int]:
        """Return places and amounts in turn."""
        flat: list[int] = []
        for correction in corrections:
            flat += (self.limit(correction.limit), correction.delta)
        return flat

    @property
    def calendars(self) -> list[tuple[str, int]]:
        """What tells limits' calendars apart."""
        return [(limit.name, limit.period_us) for limit in self.limits]

    @property
    def ends(self) -> list[tuple[str, int]]:
        """What tells windows apart, and their ends."""
        return [(window_id(window), end_of(window)) for window in self.windows]


@dataclass(frozen=True, slots=True)
class Question:
    """A call of `acquire.lua` or `join.lua`."""

    keys: Sequence[str]
    payload: bytes
    marks: bytes
    #: By their places, from 1.
    limits: Sequence[RateLimit] = ()


def ask(head: tuple[object, ...], demands: Sequence[Demand]) -> Question:
    """Write demands down; `head` is what comes before the tables. Raises `ValueError` for what Lua cannot count."""
    tables, marks = Tables(), _Marks()
    rows = [
        (
            demand.attempt_id,
            tables.charges(demand.charges),
            [tables.parallel(parallel) for parallel in demand.parallel],
            tables.holds(demand.holds),
            demand.earliest_us,
            demand.latest_us,
            -1 if demand.ticket_us is None else demand.ticket_us,
            0 if demand.mark is None else marks.place(demand.mark),
            demand.calls,
        )
        for demand in demands
    ]
    limits = [(one.name, one.limit, one.period_us, one.burst, one.ahead_us, one.watched) for one in tables.limits]
    parallels = [(one.name, one.limit) for one in tables.parallels]
    windows = [(window_id(one), one.start_us, end_of(one), one.limit, one.name) for one in tables.windows]
    payload = encode((*head, limits, parallels, windows, rows))
    return Question(marks.keys, payload, b"".join(marks.values), tables.limits)


def levels_of(question: Question, flat: Sequence[int]) -> list[Level]:
    """Read how full watched limits are: places, what is taken and since when, in turn."""
    told = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return [Level(question.limits[place - 1].name, taken, since_us) for place, taken, since_us in told]


def restoring(worker: str, dead_us: int, remembered_ms: int, grants: Iterable[Grant]) -> Question:
    """Write down what a worker was granted, for `join.lua`."""
    tables, marks = Tables(), _Marks()
    rows = [
        (
            grant.demand.attempt_id,
            grant.at_us,
            grant.counted_us,
            grant.in_call,
            tables.charges(grant.demand.charges),
            [parallel.name for parallel in grant.demand.parallel] * grant.demand.calls,
            tables.holds(grant.holds),
            0 if grant.demand.mark is None else marks.place(grant.demand.mark),
        )
        for grant in grants
    ]
    payload = encode((worker, dead_us, remembered_ms, tables.calendars, tables.ends, rows))
    return Question(marks.keys, payload, b"".join(marks.values))


#: By their numbers in `acquire.lua`; those that say just what they are made of.
_PLAIN: Final[Mapping[int, Callable[..., Verdict]]] = {2: Late, 3: Busy, 5: Never, 6: Stale, 7: Fenced, 8: NotReady}


def verdict_of(answer: Sequence[Any], now_us: int) -> Verdict:
    """Read one answer."""
    number, *facts = answer
    if number == 0:
        return Go(facts[0])
    if number == 1:
        return Wait(now_us, *facts)
    if number == 4:
        return Exhausted(facts[0], None if facts[1] < 0 else facts[1])
    return _PLAIN[number](*facts)


def check_news(amounts: Iterable[int]) -> None:
    """Raise `ValueError` for what Lua cannot count."""
    for amount in amounts:
        if abs(amount) > MOST:
            raise ValueError(f"expected an amount of at most 2**53, the largest that the store counts, got {amount}")


def window_id(window: BudgetWindow) -> str:
    """Return what tells a window apart in the store; the start is last, and a number, so a name may hold anything."""
    return f"{window.name}:{window.start_us}"


def end_of(window: BudgetWindow) -> int:
    """Return a window's end, -1 for none."""
    return -1 if window.end_us is None else window.end_us


class _Marks:
    """Marks as the script finds them: one after the other, because Lua's cmsgpack reads no binary."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.values: list[bytes] = []
        self._length = 0

    def place(self, mark: Mark) -> tuple[int, int, int, int]:
        """Take a mark; its key comes after the two that every script has."""
        if not mark.value.startswith(mark.beginning):
            raise ValueError(f"expected the mark of {mark.key} to start with its beginning {mark.beginning!r}")
        self.keys.append(mark.key)
        self.values.append(mark.value)
        begin, self._length = self._length, self._length + len(mark.value)
        return len(self.keys) + 2, begin, len(mark.value), len(mark.beginning)


def _too_much(name: str, amount: int) -> ValueError:
    return ValueError(f"expected an amount of {name} from 0 to 2**53, the largest that the store counts, got {amount}")
