"""What an append means for budgets: the postings for the store, and the alerts for people. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...reporting.ledger import Change
from ...routing.admission.demand import BudgetWindow
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.rules import BudgetRule
from ...routing.admission.taking import Bookkeeping, Settled, amounts_of, budgets_of, subject_of
from ...schemas.alert import Alert, alert_id
from ...schemas.usage import Outcome, UsageEvent
from ..admission.port import Posting, Spent

#: Nobody was called, so nothing was held.
_NEVER_HELD: Final = frozenset({Outcome.REFUSED, Outcome.REPLAYED})
#: So long after its end a window is remembered: events come late when a bus was away.
_KEEP_US: Final = 86_400_000_000
#: Windows are looked through for old ones when there are so many more.
_SWEEP: Final = 10_000


@dataclass(slots=True)
class _Total:
    end_us: int | None
    settled: int = 0
    #: How many of the budget's thresholds have been told of.
    told: int = 0


@dataclass(slots=True)
class Booked:
    """What one append means."""

    postings: list[Posting] = field(default_factory=list[Posting])
    alerts: list[Alert] = field(default_factory=list[Alert])


class Bookings:
    """Knows what every budget has settled, by the ledger."""

    def __init__(self, rulebook: Rulebook, books: Bookkeeping) -> None:
        self._rulebook = rulebook
        self._books = books
        self._totals: dict[tuple[str, int], _Total] = {}
        self._sweep_at = _SWEEP
        self._newest_us = 0

    def __repr__(self) -> str:
        return f"<Bookings of {len(self._totals)} windows>"

    def begin(self, settled: Iterable[Settled]) -> None:
        """Begin with what the ledger holds."""
        self._totals = {(window.name, window.start_us): _Total(window.end_us, amount) for window, amount in settled}

    def settled(self, window: BudgetWindow) -> int:
        """Return what a window has settled, as far as it is known."""
        total = self._totals.get((window.name, window.start_us))
        return 0 if total is None else total.settled

    def book(self, changes: Sequence[Change]) -> Booked:
        """Take changes in, and return what they mean.

        An alert is returned for each threshold that a touched window is found to have reached, once in the life of
        this object: whoever keeps alerts knows which of them there were before.
        """
        booked = Booked()
        for change in changes:
            self._book(change, booked)
        self._sweep()
        return booked

    def _book(self, change: Change, booked: Booked) -> None:
        event, replaced = change.event, change.replaced
        differences: dict[BudgetWindow, int] = {}
        rules = self._differ(differences, event, 1)
        if replaced is not None:
            rules |= self._differ(differences, replaced, -1)
        spent = [Spent(window, amount) for window, amount in differences.items() if amount]
        if spent or event.outcome not in _NEVER_HELD:
            booked.postings.append(Posting(event.event_id, spent))
        self._newest_us = max(self._newest_us, event.ts)
        for one in spent:
            booked.alerts += self._add(one, rules[one.window.name], event.ts)

    def _differ(self, differences: dict[BudgetWindow, int], event: UsageEvent, sign: int) -> dict[str, BudgetRule]:
        """Add what an event makes of a difference, or take it away; return the budgets that it touches, by name."""
        amounts = amounts_of(event).by_unit()
        rules: dict[str, BudgetRule] = {}
        for budget in budgets_of(self._rulebook, subject_of(event)):
            window = self._books.window(budget, event.ts)
            differences[window] = differences.get(window, 0) + sign * amounts[budget.unit]
            rules[budget.name] = budget
        return rules

    def _add(self, spent: Spent, rule: BudgetRule, at_us: int) -> Iterable[Alert]:
        window = spent.window
        total = self._totals.get((window.name, window.start_us))
        if total is None:
            total = self._totals[window.name, window.start_us] = _Total(window.end_us)
        total.settled += spent.amount
        while total.told < len(rule.thresholds) and total.settled >= rule.thresholds[total.told].amount:
            yield _alert(window, rule, rule.thresholds[total.told].share, total.settled, at_us)
            total.told += 1

    def _sweep(self) -> None:
        if len(self._totals) < self._sweep_at:
            return
        since = self._newest_us - _KEEP_US
        self._totals = {
            name: total for name, total in self._totals.items() if total.end_us is None or total.end_us > since
        }
        self._sweep_at = 2 * len(self._totals) + _SWEEP


def _alert(window: BudgetWindow, rule: BudgetRule, share: float, settled: int, at_us: int) -> Alert:
    return Alert(
        alert_id(window.name, window.start_us, share),
        window.name,
        rule.unit,
        window.start_us,
        window.end_us,
        share,
        settled,
        window.limit,
        at_us,
    )
