"""What an attempt takes of its limits and budgets before it is made, and what its usage event says that it took."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from ...schemas.usage import Outcome, UsageEvent
from .demand import BudgetWindow, Charge, Hold
from .rulebook import Rulebook
from .rules import BudgetRule, RateRule, Unit
from .subject import Subject
from .windows import Almanac, Window

#: Outcomes that count as a request. An attempt that failed was not answered, and the others were not made.
COUNTED: Final = frozenset({Outcome.SUCCEEDED, Outcome.UNCERTAIN})
#: How many budgets' last windows are remembered; then it is begun anew.
_REMEMBERED: Final = 50_000


class Amounts(msgspec.Struct, frozen=True):
    """What an attempt takes, in all units: an estimate, the worst case, or what it was."""

    input_tokens: int = 0
    output_tokens: int = 0
    #: Nano-dollars.
    cost_nano: int = 0
    #: Calls: a provider takes each of a fan-out's for a request.
    requests: int = 1

    def by_unit(self) -> Mapping[Unit, int]:
        """Return the amount in each unit."""
        return {
            Unit.REQUESTS: self.requests,
            Unit.TOKENS: self.input_tokens + self.output_tokens,
            Unit.INPUT_TOKENS: self.input_tokens,
            Unit.OUTPUT_TOKENS: self.output_tokens,
            Unit.USD: self.cost_nano,
        }


class Settled(NamedTuple):
    """What an event adds to a budget's window."""

    window: BudgetWindow
    amount: int


def charges(rates: Iterable[RateRule], estimate: Amounts) -> tuple[Charge, ...]:
    """Return what an attempt takes of rate limits."""
    amounts = estimate.by_unit()
    return tuple([Charge(rate.limit, amounts[rate.unit]) for rate in rates])


class Bookkeeping:
    """Knows the windows of budgets at a moment; times are unix microseconds by the store's clock."""

    def __init__(self, almanac: Almanac | None = None) -> None:
        self._almanac = Almanac() if almanac is None else almanac
        self._last: dict[str, BudgetWindow] = {}

    def window(self, budget: BudgetRule, at_us: int) -> BudgetWindow:
        """Return a budget's window at a moment."""
        last = self._last.get(budget.name)
        if last is not None and last.start_us <= at_us and (last.end_us is None or at_us < last.end_us):
            return last
        return self._remembered(budget, self._almanac.window(at_us, budget.per, budget.zone))

    def _remembered(self, budget: BudgetRule, window: Window) -> BudgetWindow:
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        made = self._last[budget.name] = BudgetWindow(budget.name, window.start_us, window.end_us, budget.limit)
        return made

    def holds(self, budgets: Iterable[BudgetRule], worst: Amounts, at_us: int) -> tuple[Hold, ...]:
        """Return what an attempt at a moment has to hold of budgets, in their order."""
        amounts = worst.by_unit()
        return tuple([Hold(self.window(budget, at_us), amounts[budget.unit]) for budget in budgets])


def amounts_of(event: UsageEvent) -> Amounts:
    """Return what an event says that its attempt took of budgets."""
    requests = event.calls if event.outcome in COUNTED else 0
    return Amounts(event.input_tokens, event.output_tokens, event.cost_nano, requests)


def subject_of(event: UsageEvent) -> Subject:
    """Return whose limits and budgets an event touches: as the event says it, whatever the config says by now."""
    return Subject(
        event.key,
        event.workspace,
        event.org,
        event.end_user,
        event.model,
        event.deployment,
        event.provider,
        event.metadata,
    )


def budgets_of(rulebook: Rulebook, subject: Subject) -> Iterator[BudgetRule]:
    """Return the budgets that an attempt holds: the request's and its target's."""
    yield from rulebook.request(subject).budgets
    yield from rulebook.target(subject).budgets


def postings(event: UsageEvent, rulebook: Rulebook, books: Bookkeeping) -> Sequence[Settled]:
    """Return what an event adds to which windows; the windows are those of its `ts`. Zeros are left out."""
    amounts = amounts_of(event).by_unit()
    return [
        Settled(books.window(budget, event.ts), amount)
        for budget in budgets_of(rulebook, subject_of(event))
        if (amount := amounts[budget.unit])
    ]
