"""What one attempt is held to, and what is expected of it: looked up at the gate, and kept until it is in the books."""

from typing import Final

import msgspec

from ...routing.admission.demand import ParallelLimit
from ...routing.admission.rules import BudgetRule, RateRule, Rules, Unit
from ...routing.estimate import TokenEstimate


class Toll(msgspec.Struct, frozen=True):
    """What the request is held to, and what its target is."""

    request: Rules
    target: Rules
    #: None where they are held to nothing: nobody has asked.
    estimate: TokenEstimate | None = None

    def __bool__(self) -> bool:
        """Say whether there is anything to be held to."""
        return bool(self.request or self.target)

    def rates(self, number: int) -> tuple[RateRule, ...]:
        """Return the rates that attempt `number` takes: a request counts once, its tokens and its calls each time."""
        own = self.request.rates
        if number > 1:
            own = tuple(rate for rate in own if rate.unit is not Unit.REQUESTS)
        return (*own, *self.target.rates)

    @property
    def parallel(self) -> tuple[ParallelLimit, ...]:
        """The limits on attempts at a time."""
        return (*self.request.parallel, *self.target.parallel)

    @property
    def budgets(self) -> tuple[BudgetRule, ...]:
        """The budgets that it holds, the request's first."""
        return (*self.request.budgets, *self.target.budgets)


FREE: Final = Toll(Rules(), Rules())
