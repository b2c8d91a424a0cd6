"""From the config's limits and budgets to rules under a name."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from ...schemas.config_access import Budget, Fallback, Limits
from ...schemas.money import NANO_PER_USD
from .demand import ParallelLimit, RateLimit
from .rules import AtLimit, BudgetRule, RateRule, Rules, Threshold, Unit
from .windows import Per

_RATES: Final = (Unit.REQUESTS, Unit.TOKENS, Unit.INPUT_TOKENS, Unit.OUTPUT_TOKENS)
#: Period → microseconds.
PERIODS: Final = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
#: What one subject alone uses may be reserved as far ahead as it likes; of what is shared, the next two slots of the
#: calendar, so that all take turns.
_ALONE: Final = 2**53
_SHARED_SLOTS: Final = 2
_SHARED_LEAST: Final = 1_000_000
_SLOTS: Final = 32


def rules_of(given: Sequence[tuple[Limits, Sequence[Budget]]], *, shared: bool = False, watched: bool = False) -> Rules:
    """Return nobody's rules, to be made somebody's by `Rules.owned_by`. `shared` says that many keys use them.

    `watched` says that somebody wants to know how full the rate limits are.

    Usually one pair of limits and budgets is given. What counts the same in the same window is an index apart:
    `:usd/day`, `:usd/day#2`.
    """
    seen: Counter[str] = Counter()

    def named(what: str) -> str:
        seen[what] += 1
        return f":{what}" if seen[what] == 1 else f":{what}#{seen[what]}"

    def ahead(period_us: int) -> int:
        return max(_SHARED_LEAST, _SHARED_SLOTS * period_us // _SLOTS) if shared else _ALONE

    def made(what: str, limit: int, period_us: int, burst: int) -> RateLimit:
        return RateLimit(named(what), limit, period_us, burst, ahead(period_us), watched)

    return Rules(
        tuple(
            RateRule(unit, made(f"{unit}/{period}", limit, PERIODS[period], burst))
            for limits, _ in given
            for unit, period, limit, burst in _rates(limits)
        ),
        tuple(ParallelLimit(named("parallel"), limits.parallel) for limits, _ in given if limits.parallel is not None),
        tuple(_budget(named, budget) for _, budgets in given for budget in budgets),
    )


def _rates(limits: Limits) -> Iterator[tuple[Unit, str, int, int]]:
    for unit in _RATES:
        for period in PERIODS:
            limit: int | None = getattr(limits, f"{unit}_per_{period}")
            if limit is not None:
                yield unit, period, limit, _burst(limit, limits.burst)


def _burst(limit: int, share: float) -> int:
    return max(1, min(limit, int(limit * Decimal(repr(share)))))


def _budget(named: Callable[[str], str], budget: Budget) -> BudgetRule:
    unit, limit = _amount(budget)
    at_limit, fallback = _at_limit(budget)
    thresholds = tuple(Threshold(share, _reached_at(limit, share)) for share in sorted(set(budget.alert_at)))
    name = named(f"{unit}/{budget.per}")
    return BudgetRule(name, unit, limit, Per(budget.per), budget.time_zone, thresholds, at_limit, fallback)


def _amount(budget: Budget) -> tuple[Unit, int]:
    if budget.usd is not None:
        # Down, because more than was allowed is never spent; but a budget is never none at all.
        return Unit.USD, max(1, int(budget.usd * NANO_PER_USD))
    if budget.tokens is not None:
        return Unit.TOKENS, budget.tokens
    return Unit.REQUESTS, budget.requests or 0


def _at_limit(budget: Budget) -> tuple[AtLimit, str | None]:
    if isinstance(budget.at_limit, Fallback):
        return AtLimit.FALLBACK, budget.at_limit.fallback
    return AtLimit(budget.at_limit), None


def _reached_at(limit: int, share: float) -> int:
    """As people wrote the share: 0.1 is a tenth here, and not the nearest binary fraction."""
    return max(1, math.ceil(limit * Decimal(repr(share))))
