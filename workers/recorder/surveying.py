"""What to ask the ledger when a store is filled, and what its answers mean. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from ...reporting.sums import Question, Sum
from ...routing.admission.calendar import SLOTS
from ...routing.admission.demand import BudgetWindow
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.subject import Subject
from ...routing.admission.taking import Amounts, Settled, budgets_of
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

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    def about_budgets(self, moment: Moment) -> Question:
        """Ask what was settled in the windows that matter."""
        starts = {window.start_us for _, _, window in self._windows(moment)}
        return self._question(sorted(starts))

    def settled(self, moment: Moment, answer: Sequence[Sum]) -> list[Settled]:
        """Read the answer."""
        windows = self._by_bound(moment)
        totals: dict[tuple[str, int], tuple[BudgetWindow, int]] = {}
        for one in answer:
            at = windows[one.bound]
            amounts = Amounts(one.input_tokens, one.output_tokens, one.cost_nano, one.answered).by_unit()
            for budget in budgets_of(self._rulebook, _subject(one)):
                window = at.get((budget.per, budget.zone))
                if window is not None:
                    place = (budget.name, window.start_us)
                    known = totals.get(place)
                    whole = BudgetWindow(*place, window.end_us, budget.limit) if known is None else known[0]
                    totals[place] = (whole, amounts[budget.unit] + (0 if known is None else known[1]))
        return [Settled(window, amount) for window, amount in totals.values() if amount]

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
        both = ((self._rulebook.request(subject), one.firsts), (self._rulebook.target(subject), one.made))
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

    def _by_bound(self, moment: Moment) -> Mapping[int, Mapping[tuple[Per, str], Window]]:
        """Return bound → the windows that it lies in, of those that matter.

        Between two bounds before the time that matters other windows may begin, which are of no interest.
        """
        windows = list(self._windows(moment))
        return {
            bound: {(per, zone): window for per, zone, window in windows if window.holds(bound)}
            for bound in {window.start_us for _, _, window in windows}
        }

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
