"""The limits and budgets that somebody is held to."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from .demand import ParallelLimit, RateLimit
from .windows import Per


class Unit(enum.StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    #: Input and output.
    TOKENS = "tokens"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    #: Nano-dollars.
    USD = "usd"


class AtLimit(enum.StrEnum):
    """What happens to a request when a budget is spent."""

    DEFER = "defer"
    REFUSE = "refuse"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class RateRule:
    """A rate limit and what it counts."""

    unit: Unit
    limit: RateLimit


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a budget's window says that it is getting spent."""

    #: Of the limit, such as 0.8.
    share: float
    #: The smallest settled sum that reaches it.
    amount: int


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """A budget, whatever its window."""

    name: str
    unit: Unit
    #: Nano-dollars, tokens or requests.
    limit: int
    per: Per
    #: Where its windows begin, such as `Europe/Berlin`.
    zone: str
    #: Rising.
    thresholds: tuple[Threshold, ...]
    at_limit: AtLimit
    #: The model to go to, with `AtLimit.FALLBACK`.
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What one or several subjects are held to."""

    rates: tuple[RateRule, ...] = ()
    parallel: tuple[ParallelLimit, ...] = ()
    budgets: tuple[BudgetRule, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is anything to be held to."""
        return bool(self.rates or self.parallel or self.budgets)

    def budget(self, name: str) -> BudgetRule | None:
        """Return the budget of a name."""
        return next((budget for budget in self.budgets if budget.name == name), None)

    def owned_by(self, whose: str) -> "Rules":
        """Give nobody's rules to somebody, whom `subject.of` has named."""
        return Rules(
            tuple(RateRule(rule.unit, _renamed(rule.limit, whose)) for rule in self.rates),
            tuple(ParallelLimit(whose + limit.name, limit.limit) for limit in self.parallel),
            tuple(
                BudgetRule(
                    whose + one.name,
                    one.unit,
                    one.limit,
                    one.per,
                    one.zone,
                    one.thresholds,
                    one.at_limit,
                    one.fallback,
                )
                for one in self.budgets
            ),
        )

    @classmethod
    def together(cls, rules: Iterable[Self]) -> Self:
        """Hold to all of them."""
        parts = [part for part in rules if part]
        if len(parts) == 1:
            return parts[0]
        return cls(
            tuple(rate for part in parts for rate in part.rates),
            tuple(limit for part in parts for limit in part.parallel),
            tuple(budget for part in parts for budget in part.budgets),
        )


def _renamed(limit: RateLimit, whose: str) -> RateLimit:
    return RateLimit(whose + limit.name, limit.limit, limit.period_us, limit.burst, limit.ahead_us, limit.watched)
