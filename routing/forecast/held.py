"""What one attempt is held to, and what it would take: the gateway's rules, asked without a gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ...schemas.request import Request
from ..access.rules import KeyRules
from ..admission.asking import policies_of, subject_of
from ..admission.demand import ParallelLimit
from ..admission.rulebook import Rulebook
from ..admission.rules import BudgetRule, RateRule
from ..admission.step import AtLimit as Policy
from ..admission.taking import Amounts
from ..target import Target


@dataclass(frozen=True, slots=True)
class Held:
    """The limits and budgets of a request's first attempt, and what happens when a budget is spent."""

    rates: tuple[RateRule, ...] = ()
    parallel: tuple[ParallelLimit, ...] = ()
    budgets: tuple[BudgetRule, ...] = ()
    #: By budget name; a budget that is not named waits.
    policies: Mapping[str, Policy] | None = None
    #: Has one place for the request, of however many calls the attempt is made.
    room: ParallelLimit | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What an attempt takes."""

    #: Of rate limits, and in the end of budgets.
    expected: Amounts
    #: Of budgets while it lasts.
    worst: Amounts
    #: How long the call takes.
    duration_us: int

    @property
    def calls(self) -> int:
        """How many calls it makes at once."""
        return self.expected.requests


NOTHING: Final = Held()


def held_to(rulebook: Rulebook, request: Request, key: KeyRules, target: Target, *, is_fallback: bool = False) -> Held:
    """Return what a request's first attempt at a deployment is held to."""
    subject = subject_of(request, key, target)
    own, its = rulebook.request(subject), rulebook.target(subject)
    if not own and not its:
        return NOTHING
    budgets = (*own.budgets, *its.budgets)
    policies = policies_of(budgets, may_fall_back=not is_fallback)
    return Held((*own.rates, *its.rates), (*own.parallel, *its.parallel), budgets, policies)
