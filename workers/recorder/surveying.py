"""What to ask the ledger when a store is filled, and what its answers mean. No I/O."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from ...reporting.sums import Question, Sum
from ...routing.admission.calendar import SLOTS
from ...routing.admission.demand import BudgetWindow
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.subject import Subject
from ...routing.admission.taking import Amounts, Bookkeeping, Settled, budgets_of
from ...routing.admission.windows import Per, Window, window_of
from ..admission.port import Taken

#: How far the ledger's newest event may be ahead of this machine's clock and still be believed.
_AHEAD_US: Final = 2 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What is surveyed. Times are unix microseconds."""

    now_us: int
    #: The newest event of the ledger; None if it is empty.
    newest_us: int | None
    #: Windows that ended longer ago than this do not matter.
    back_us: int

    @property
    def since_us(self) -> int:
        """From when on windows matter, whatever is slow: this clock, or the ledger."""
        newest = self.now_us if self.newest_us is None else self.newest_us
        return max(0, min(self.now_us, newest) - self.back_us)

    @property
    def until_us(self) -> int:
        """Until when there is anything."""
        newest = self.now_us if self.newest_us is None else self.newest_us
        return max(self.since_us, min(newest, self.now_us + _AHEAD_US))


class Surveyor:
    """Asks for all budgets by one question, and for the rate limits by one for each of their periods."""

    def __init__(self, rulebook: Rulebook, books: Bookkeeping) -> None:
        self._rulebook = rulebook
        self._books = books

    def about_budgets(self, moment: Moment) -> Question:
        """Ask what was settled in the windows that matter."""
        starts = {window.start_us for _, _, window in self._windows(moment)}
        return self._question(sorted(starts))

    def settled(self, moment: Moment, answer: Sequence[Sum]) -> list[Settled]:
        """Read the answer."""
        windows = {(per, zone, window.start_us) for per, zone, window in self._windows(moment)}
        totals: Counter[BudgetWindow] = Counter()
        for one in sorted(answer, key=lambda one: one.bound):
            amounts = Amounts(one.input_tokens, one.output_tokens, one.cost_nano, one.answered).by_unit()
            for budget in budgets_of(self._rulebook, _subject(one)):
                window = self._books.window(budget, max(0, one.bound))
                # Bounds are where windows that matter begin, and between them others may have begun.
                if (budget.per, budget.zone, window.start_us) in windows:
                    totals[window] += amounts[budget.unit]
        return [Settled(window, amount) for window, amount in totals.items() if amount]

    def about_rates(self, now_us: int) -> list[Question]:
        """Ask what went through in the last period of each rate limit, slot by slot of its calendar."""
        return [self._question(_slots(now_us, period)) for period in sorted(self._rulebook.periods)]

    def taken(self, answers: Sequence[Sequence[Sum]]) -> list[Taken]:
        """Read the answers."""
        periods = sorted(self._rulebook.periods)
        return [
            taken
            for period, answer in zip(periods, answers, strict=True)
            for one in answer
            for taken in self._taken(one, period)
        ]

    def _taken(self, one: Sum, period_us: int) -> Iterator[Taken]:
        subject = _subject(one)
        both = ((self._rulebook.request(subject), one.firsts), (self._rulebook.target(subject), one.attempts))
        for rules, requests in both:
            amounts = Amounts(one.input_tokens, one.output_tokens, requests=requests).by_unit()
            for rate in rules.rates:
                if rate.limit.period_us == period_us and amounts[rate.unit]:
                    yield Taken(rate.limit, one.bound, amounts[rate.unit])

    def _windows(self, moment: Moment) -> Iterator[tuple[Per, str, Window]]:
        if moment.newest_us is None:
            return
        for per, zone in self._rulebook.calendars:
            window = window_of(moment.since_us, per, ZoneInfo(zone))
            yield per, zone, window
            while window.end_us is not None and window.end_us <= moment.until_us:
                window = window_of(window.end_us, per, ZoneInfo(zone))
                yield per, zone, window

    def _question(self, bounds: Sequence[int]) -> Question:
        return Question(bounds, self._rulebook.dimensions, self._rulebook.metadata_fields)


def _slots(now_us: int, period_us: int) -> list[int]:
    """Return where the slots of the last period begin, the one in which it began included."""
    length = -(-period_us // SLOTS)
    last = now_us // length
    return [slot * length for slot in range(max(0, last - SLOTS), last + 1)]


def _subject(one: Sum) -> Subject:
    values = one.values
    return Subject(
        values.get("key") or "",
        values.get("workspace"),
        values.get("org"),
        values.get("end_user"),
        values.get("model") or "",
        values.get("deployment") or "",
        values.get("provider") or "",
        one.metadata,
    )
