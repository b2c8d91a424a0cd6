"""What an attempt may cost at most, and who is left of a plan where a request may cost no more than so much."""

from collections.abc import Callable
from typing import Final

import msgspec

from ..schemas.failures import Code, Failure, failure
from ..schemas.request import Request
from .estimate import TokenEstimate
from .flex import asked_tier
from .service_tiers import worst_on
from .target import Plan, Target
from .token_kinds import ALL_KINDS, kinds_of

#: Stores and scripts count in floats of 53 bits.
_MOST: Final = 2**53 - 1


def worst_nano(request: Request, target: Target, estimate: TokenEstimate) -> int:
    """Return the most that an attempt may cost, nano-dollars; 0 without a price, where that is allowed.

    Whoever asks for a cheaper service tier may be served on the standard one all the same, so that is held.
    """
    price = target.price
    if price is None:
        return 0
    kinds = kinds_of(request.body, *(value for _, value in target.params)) if price.has_kinds else ALL_KINDS
    asked = target.tier or asked_tier(request, target)
    each = estimate.of_each
    worst = worst_on(price, asked, each.worst_input, each.worst_output, kinds, units=each.worst_units)
    return min(_MOST, worst * estimate.twins)


def affordable(plan: Plan, request: Request, estimate: Callable[[Request, Target], TokenEstimate]) -> Plan | Failure:
    """Return a plan of those of its deployments whose worst case is within the request's `max_cost`."""
    if request.max_cost_nano is None:
        return plan
    costs = {target.id: worst_nano(request, target, estimate(request, target)) for target in plan.targets}
    cheap = tuple(target for target in plan.targets if costs[target.id] <= request.max_cost_nano)
    if cheap:
        return msgspec.structs.replace(plan, targets=cheap)
    expected = f"a worst case of at most {request.max_cost_nano} nano-dollars"
    return failure(Code.MAX_COST_EXCEEDED, expected=expected, given=min(costs.values()))
