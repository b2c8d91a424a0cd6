"""The gate on a virtual clock: when an attempt would be let in, with the arithmetic that the gateway's store has.

Whoever comes takes the earliest time at which everything that he touches has room: his slot in every calendar, as a
ticket reserves it; a place in every parallel limit for as long as the call takes; and in every budget his worst case,
beside what is spent and held. Those who come later find it taken, and go earlier where that leaves room. Nothing fails
here and nothing is retried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from ...schemas.failures import Failure
from ..admission.demand import Charge, Demand, ParallelLimit
from ..admission.outright import never
from ..admission.rules import BudgetRule
from ..admission.step import Elsewhere, Refuse, Standing, step
from ..admission.taking import Bookkeeping, charges
from ..admission.verdict import Busy, Exhausted, Late, Never
from .calendars import Calendars
from .held import Held, Use
from .spending import Spending
from .timeline import Timeline

#: Between two admissions' looks at what can be forgotten.
_SWEEP: Final = 10_000


@dataclass(frozen=True, slots=True)
class LetIn:
    """An attempt that may be made."""

    #: Unix microseconds.
    at_us: int
    #: The limit or budget that it waited for last; None if it did not wait.
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Since when somebody asks, and until when he can be let in; unix microseconds."""

    at_us: int
    deadline_us: int


Passage = LetIn | Failure | Elsewhere


class VirtualGate:
    """Lets attempts in, in the order in which they are asked for: the time of asking never goes back."""

    def __init__(self, in_memory_us: int) -> None:
        """`in_memory_us` is how long a request may wait in memory; longer waits are deferrals."""
        self.in_memory_us: Final = in_memory_us
        self._calendars = Calendars()
        self._places: dict[str, Timeline] = {}
        self._books = Bookkeeping()
        self._spending = Spending(self._books)
        self._until_sweep = _SWEEP

    def __repr__(self) -> str:
        return f"<VirtualGate {self._calendars!r}, {len(self._places)} parallel limits, {self._spending!r}>"

    def enter(self, held: Held, use: Use, asked: Asked) -> Passage:
        """Let an attempt in and take what it takes; or say why not, or which model to ask instead."""
        self._advance(asked.at_us)
        one = _One(held, use, charges(held.rates, use.expected) if held.rates else (), asked)
        hopeless = self._never(one)
        way = self._way(one) if hopeless is None else self._answer(hopeless, held, asked)
        if isinstance(way, LetIn):
            self._take(one, way.at_us)
        return way

    def _never(self, one: "_One") -> Never | None:
        budgets = one.held.budgets
        holds = self._books.holds(budgets, one.use.worst, one.asked.at_us) if budgets else ()
        return never(Demand("", one.taken, one.held.parallel, holds, calls=one.use.calls))

    def _way(self, one: "_One") -> Passage:
        """Go from one kind of limit to the next until all of them have room at one time."""
        stages: tuple[_Stage, ...] = (self._place, self._money, self._slot)
        now, agreed = LetIn(one.asked.at_us), 0
        for stage in cycle(stages):
            after = stage(one, now)
            if not isinstance(after, LetIn):
                return after
            if after.at_us > one.asked.deadline_us:
                return self._too_late(one, after, is_slot=stage == self._slot)
            agreed = agreed + 1 if after.at_us == now.at_us else 1
            now = after
            if agreed == len(stages):
                break
        return now

    def _slot(self, one: "_One", now: LetIn) -> LetIn:
        if not one.taken:
            return now
        opening = self._calendars.opening(one.taken, now.at_us)
        return now if opening.at_us == now.at_us else LetIn(opening.at_us, opening.limit)

    def _place(self, one: "_One", now: LetIn) -> LetIn:
        while True:
            before = now
            for limit, places in one.places:
                at_us = self._calls(limit).first_room(now.at_us, one.use.duration_us, places, limit.limit)
                now = now if at_us == now.at_us else LetIn(at_us, limit.name)
            if now is before or len(one.places) == 1:
                return now

    def _money(self, one: "_One", now: LetIn) -> Passage:
        while True:
            before = now
            for budget in one.held.budgets:
                after = self._affordable(one, budget, now)
                if not isinstance(after, LetIn):
                    return after
                now = now if after.at_us == now.at_us else after
            if now is before:
                return now

    def _affordable(self, one: "_One", budget: BudgetRule, now: LetIn) -> Passage:
        found = self._spending.room(budget, one.use, now.at_us)
        return self._answer(found, one.held, one.asked) if isinstance(found, Exhausted) else LetIn(found, budget.name)

    def _too_late(self, one: "_One", way: LetIn, *, is_slot: bool) -> Passage:
        """Say what the gateway says: it knows the time of a slot; of a place it learns at the deadline only."""
        deadline_us = one.asked.deadline_us
        if is_slot:
            return self._answer(Late(way.at_us, way.limit or ""), one.held, one.asked)
        return self._answer(Busy(way.limit or ""), one.held, Asked(deadline_us, deadline_us))

    def _answer(self, verdict: Never | Late | Busy | Exhausted, held: Held, asked: Asked) -> Passage:
        """Do as the gateway does."""
        standing = Standing(asked.at_us, asked.deadline_us, self.in_memory_us, at_limit=held.policies or {})
        following = step(verdict, standing)
        if isinstance(following, Refuse):
            return following.failure
        if isinstance(following, Elsewhere):
            return following
        if not isinstance(verdict, Exhausted) or verdict.resets_us is None:
            raise TypeError(f"expected a refusal of {verdict!r}, got {following!r}")
        return LetIn(verdict.resets_us, verdict.budget)

    def _take(self, one: "_One", at_us: int) -> None:
        self._calendars.take(one.taken, at_us)
        for limit, places in one.places:
            self._calls(limit).add(at_us, at_us + one.use.duration_us, places)
        self._spending.take(one.held.budgets, one.use, at_us)

    def _calls(self, limit: ParallelLimit) -> Timeline:
        return self._places.setdefault(limit.name, Timeline())

    def _advance(self, now_us: int) -> None:
        self._calendars.advance(now_us)
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._until_sweep = _SWEEP
            self._calendars.forget()
            self._spending.forget(now_us)
            for place in self._places.values():
                place.forget(now_us)


@dataclass(frozen=True, slots=True)
class _One:
    """One attempt before the gate."""

    held: Held
    use: Use
    taken: tuple[Charge, ...]
    asked: Asked

    @property
    def places(self) -> Sequence[tuple[ParallelLimit, int]]:
        """What it takes of parallel limits."""
        calls = [(limit, self.use.calls) for limit in self.held.parallel]
        return calls if self.held.room is None else [*calls, (self.held.room, 1)]


_Stage = Callable[[_One, LetIn], Passage]
