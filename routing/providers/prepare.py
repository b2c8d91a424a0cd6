"""From a request and its next target to the call: on the service tier that is asked for, in the words of its wire."""

from collections.abc import Callable

import msgspec

from ...schemas.failures import Failure
from ...schemas.request import Request
from ..flex import Progress, turn
from ..http import HttpCall
from ..target import FlexPolicy, Target
from .families import FAMILIES


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A call, and the target as it is called: with the tier that it asks for, and the time that it has."""

    target: Target
    call: HttpCall


def prepared(
    request: Request, target: Target, policy: FlexPolicy, progress: Callable[[], Progress]
) -> Prepared | Failure:
    """Return the call, or what the target cannot honour. `progress` is asked for where the flex tier is."""
    if request.service_tier is None and not target.params:  # as nearly always
        call = FAMILIES[target.wire].encode(request, target)
        return call if isinstance(call, Failure) else Prepared(target, call)
    asks = turn(request, target, policy, progress)
    if isinstance(asks, Failure):
        return asks
    call = FAMILIES[target.wire].encode(request, asks.target)
    if isinstance(call, Failure):
        return call
    notes = (*asks.notes, *call.notes)
    return Prepared(asks.target, msgspec.structs.replace(call, notes=notes) if asks.notes else call)
