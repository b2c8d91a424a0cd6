"""Budgets on a virtual clock: what is spent in each window, and what calls under way hold beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..admission.demand import BudgetWindow
from ..admission.rules import BudgetRule
from ..admission.taking import Bookkeeping
from ..admission.verdict import Exhausted
from .held import Use
from .timeline import Timeline

#: Longer than anything lasts, microseconds.
_EVER: Final = 2**62


@dataclass(slots=True)
class _Purse:
    """One budget in one window."""

    window: BudgetWindow
    #: By all calls that begin in it, as they end.
    spent: int = 0
    #: By which the worst cases of calls under way are above what these will have cost.
    held: Timeline = field(default_factory=Timeline)


class Spending:
    """What all budgets have spent. At first nothing: what was spent before is not known here."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._purses: dict[tuple[str, int], _Purse] = {}

    def __repr__(self) -> str:
        return f"<Spending of {len(self._purses)} windows>"

    def room(self, budget: BudgetRule, use: Use, at_us: int) -> int | Exhausted:
        """Return the first time, from `at_us` on, at which the worst case fits beside what else is held and spent.

        A window that lacks the money is exhausted. One that has it, but holds it for calls under way, is waited in.
        """
        purse = self._purse(budget, at_us)
        expected, worst = use.expected.by_unit()[budget.unit], use.worst.by_unit()[budget.unit]
        left, end = purse.window.limit - purse.spent, purse.window.end_us
        if max(worst, expected) > left:
            return Exhausted(budget.name, end)
        begin = at_us
        while True:
            during = purse.held.first_room(begin, use.duration_us, worst, left)
            # what it costs is gone for good: those who have been let in for later must still find their worst case
            after = purse.held.first_room(during, _EVER, expected, left)
            if after == begin:
                break
            begin = after
        return begin if end is None or begin < end else self.room(budget, use, end)

    def take(self, budgets: Sequence[BudgetRule], use: Use, at_us: int) -> None:
        """Spend what a call will cost, and hold the rest of its worst case while it lasts."""
        if not budgets:
            return
        expected, worst = use.expected.by_unit(), use.worst.by_unit()
        for budget in budgets:
            purse = self._purse(budget, at_us)
            purse.spent += expected[budget.unit]
            purse.held.add(at_us, at_us + use.duration_us, max(0, worst[budget.unit] - expected[budget.unit]))

    def spent(self, budget: BudgetRule, at_us: int) -> int:
        """Return what is spent in the window of a moment."""
        return self._purse(budget, at_us).spent

    def forget(self, before_us: int) -> None:
        """Forget windows that are over."""
        over = [name for name, purse in self._purses.items() if (purse.window.end_us or before_us + 1) <= before_us]
        for name in over:
            del self._purses[name]
        for purse in self._purses.values():
            purse.held.forget(before_us)

    def _purse(self, budget: BudgetRule, at_us: int) -> _Purse:
        window = self._books.window(budget, at_us)
        purse = self._purses.get((window.name, window.start_us))
        if purse is None:
            purse = self._purses[window.name, window.start_us] = _Purse(window)
        return purse
