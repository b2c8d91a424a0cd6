"""Which service tier an attempt asks for, and how long a request waits for flex capacity: pure.

Flex costs about half, is slow, and is refused when a provider has no capacity to spare. So it is tried patiently, and
always so that one attempt on the standard tier still fits before the deadline; the last attempts go there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from ..schemas.failures import Code, Failure, failure
from ..schemas.request import Request
from .outcome import Completion, Setback
from .service_tiers import AUTO, FLEX, STANDARD, offered, tier_name
from .target import FlexPolicy, Target

_PARAMETER: Final = "service_tier"
#: Seconds. A flex attempt that would have less time than this is not worth making.
LEAST_FLEX: Final = 60.0
#: What says that there is no capacity to spare at the moment. Gemini says it as an overload (ai.google.dev, "Flex
#: inference": 503 and 429).
_NO_CAPACITY: Final = frozenset({Code.CAPACITY, Code.OVERLOADED})
#: What is usual on the flex tier, and says nothing of a deployment's health.
_USUAL: Final = _NO_CAPACITY | {Code.TIMEOUT, Code.UPSTREAM_TIMEOUT}

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Turn:
    """What an attempt asks: its target with tier, timeout and overrides, and what the reply has to tell of it."""

    target: Target
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request has come, as far as it matters to its next attempt."""

    #: How often there was no flex capacity.
    refused: int
    #: Seconds to the deadline.
    remaining: float
    #: Whether no attempt will follow the next one.
    is_last: bool


def asked_tier(request: Request, target: Target) -> str | None:
    """Return the service tier that a request asks a target for; the target's overrides are stronger than its body."""
    said: object = request.service_tier
    for name, value in target.params:
        if name == _PARAMETER:
            said = msgspec.json.decode(value)
    return tier_name(said)


def turn(request: Request, target: Target, policy: FlexPolicy, progress: Callable[[], Progress]) -> Turn | Failure:
    """Return what the next attempt at a target asks for; `progress` is asked for where the flex tier is.

    A tier that the target does not have is refused, or left out where the config allows that.
    """
    asked = asked_tier(request, target)
    if asked is None or asked in {AUTO, STANDARD}:
        return Turn(target if asked is None else replace(target, tier=asked))
    if target.price is not None and asked not in offered(target.price):
        return _without(target, asked)
    if asked != FLEX:
        return Turn(replace(target, tier=asked))
    far = progress()
    why = _why_standard(target, policy, far)
    if why is not None:
        note = f"{_PARAMETER} became {STANDARD}: {why}"
        return Turn(replace(_overridden(target, _encode(STANDARD)), tier=STANDARD), (note,))
    timeout = min(max(policy.timeout, target.timeout), far.remaining - target.timeout)
    return Turn(replace(target, tier=FLEX, timeout=timeout))


def _without(target: Target, asked: str) -> Turn | Failure:
    """Refuse a tier that is not there, or leave it out."""
    known = ", ".join(offered(target.price)) if target.price is not None else ""
    takes = f"{AUTO}, {STANDARD}{f', {known}' if known else ''}"
    if target.service.may_drop(_PARAMETER):
        note = f"left out {_PARAMETER}: {target.provider} takes {takes} for {target.upstream_model}"
        return Turn(_overridden(target, b"null"), (note,))
    expected = (
        f"a service_tier with a known price at {target.provider} for {target.upstream_model} ({takes}); "
        f"if it has {asked}, say what it costs in the deployment's service_tiers"
    )
    return failure(Code.UNSUPPORTED_PARAMETER, expected=expected, given=f"{_PARAMETER}: {asked}")


def _overridden(target: Target, value: bytes) -> Target:
    others = tuple(pair for pair in target.params if pair[0] != _PARAMETER)
    return replace(target, params=(*others, (_PARAMETER, value)))


def _why_standard(target: Target, policy: FlexPolicy, far: Progress) -> str | None:
    """Return why the flex tier is not asked any more, None if it is."""
    if far.refused > policy.retries:
        return f"the flex tier had no capacity {far.refused} times"
    if far.is_last:
        return "the flex tier has failed, and this is the last attempt"
    if far.remaining - target.timeout < LEAST_FLEX:
        had_none = f"the flex tier had no capacity {far.refused} times, and " if far.refused else ""
        return f"{had_none}there is no time for a slow attempt before the deadline"
    return None


def found_no_capacity(target: Target, result: Completion | Setback) -> bool:
    """Say whether an attempt on the flex tier was refused for want of capacity, which is to be expected."""
    return target.tier == FLEX and isinstance(result, Setback) and result.failure.code in _NO_CAPACITY


def says_nothing(target: Target, result: Completion | Setback) -> bool:
    """Say whether a failure is usual on the tier that was asked, and so nothing to hold against the target."""
    return target.tier == FLEX and isinstance(result, Setback) and result.failure.code in _USUAL


def wait_for_capacity(
    target: Target, policy: FlexPolicy, *, refused: int, asked: float, remaining: float, chance: float
) -> float:
    """Return seconds until flex is asked again, 0 where the standard tier is asked now.

    `asked` are the seconds that the provider asks to wait, `refused` includes the refusal that was just heard.
    Exponential with equal jitter, as all waits between attempts.
    """
    ceiling = min(policy.max_backoff, policy.backoff * 2.0 ** min(refused - 1, 60))
    wait = max(ceiling / 2 + ceiling / 2 * chance, asked)
    fits = remaining - wait - target.timeout >= LEAST_FLEX
    return wait if fits and refused <= policy.retries else 0.0
