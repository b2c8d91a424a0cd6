"""From a request and its next target to the call: on the service tier that is asked for, in the words of its wire."""

from dataclasses import dataclass, replace

from ...schemas.failures import Failure
from ...schemas.request import Request
from ..flex import turn
from ..http import HttpCall
from ..target import FlexPolicy, Target
from .families import FAMILIES


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request has come, as far as its next call depends on it."""

    #: How often there was no flex capacity.
    refused: int = 0
    #: Seconds to the deadline.
    remaining: float = float("inf")
    #: Whether no attempt will follow.
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call, and the target as it is called: with the tier that it asks for, and the time that it has."""

    target: Target
    call: HttpCall


def prepared(request: Request, target: Target, policy: FlexPolicy, progress: Progress) -> Prepared | Failure:
    """Return the call, or what the target cannot honour."""
    asks = turn(
        request,
        target,
        policy,
        refused=progress.refused,
        remaining=progress.remaining,
        is_last=progress.is_last,
    )
    if isinstance(asks, Failure):
        return asks
    call = FAMILIES[target.wire].encode(request, asks.target)
    if isinstance(call, Failure):
        return call
    return Prepared(asks.target, replace(call, notes=(*asks.notes, *call.notes)) if asks.notes else call)
