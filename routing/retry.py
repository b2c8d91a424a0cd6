"""What follows a failed attempt, or that no deployment may be called: pure, executed by the shell with tenacity.

One request has one budget of retries: attempts after the first, over all deployments and all models that it falls back
to, and one more for each of these. So nothing multiplies, however deep the route. What is left of the deadline bounds
every wait.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from ..schemas.failures import Code, Failure
from .causes import CREDENTIAL, FIT
from .flex import wait_for_capacity
from .outcome import Setback
from .target import Fallbacks, Plan, RetryPolicy, Target

#: A Retry-After is honoured plus this share of chance, so that those who wait together do not return together.
_SPREAD: Final = 0.1

#: Another deployment of the same model may honour what this one cannot.
_PARTICULAR: Final = frozenset(
    {Code.UPSTREAM_NOT_FOUND, Code.UNSUPPORTED_PARAMETER, Code.UNSUPPORTED_ENDPOINT, *CREDENTIAL, *FIT}
)
#: The request is at fault: no other model is asked, unless the config names the status.
_REQUESTS_OWN: Final = frozenset({Code.BAD_REQUEST, Code.CANCELLED, Code.DEADLINE_EXCEEDED})


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds, which may be spent in memory."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Defer:
    """Try again after so many seconds, outside memory."""

    seconds: float


@dataclass(frozen=True, slots=True)
class FallBack:
    """Ask another model."""

    model: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The failure stands."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """It might succeed, but not before the deadline."""

    #: Seconds that it would have had to wait.
    seconds: float


Decision = Wait | Defer | FallBack | GiveUp | TooLate


class Situation(msgspec.Struct, frozen=True):
    """How far a request has come. Times are seconds."""

    plan: Plan
    #: Deployments that this plan has tried, in order, repetitions included.
    tried: tuple[str, ...]
    #: Attempts in the request's whole life.
    made: int
    #: Models it has been sent to, its own first.
    models: tuple[str, ...]
    #: To the deadline.
    remaining: float
    #: Uniform in [0, 1).
    chance: float
    #: When a deployment may be called: 0 for now, else how long its circuit or its credentials are closed.
    opens_in: Callable[[Target], float]
    #: Longer waits leave memory.
    in_memory: float
    #: Models that there is no way to.
    barred: frozenset[str] = frozenset()
    #: How often there was no capacity on the flex tier: those attempts do not count as retries.
    refused: int = 0
    #: Whether that is how the last attempt ended.
    just_refused: bool = False

    @property
    def retries_left(self) -> int:
        """Attempts that may still be made."""
        return self.plan.policy.retries + len(self.models) + self.refused - self.made


def next_target(plan: Plan, tried: tuple[str, ...], opens_in: Callable[[Target], float]) -> Target:
    """Return who is next: of those that are open the least tried, in the plan's order; else the first to open."""

    def rank(target: Target) -> tuple[float, int]:
        return opens_in(target), tried.count(target.id)

    if len(plan.targets) == 1:  # as most plans have
        return plan.targets[0]
    return min(plan.targets, key=rank)


def decide(setback: Setback, situation: Situation) -> Decision:
    """Decide after a failed attempt, or after one that could not be encoded."""
    if situation.just_refused:
        return _for_capacity(setback, situation)
    wait = _again(setback, situation)
    if wait is not None and wait < situation.remaining and wait <= situation.in_memory:
        return Wait(wait)
    model = _fallback(setback, situation)
    if model is not None:
        return FallBack(model)
    if wait is None:
        return GiveUp()
    return TooLate(wait) if wait >= situation.remaining else Defer(wait)


def _for_capacity(setback: Setback, situation: Situation) -> Decision:
    """Decide after an attempt that found no flex capacity: flex again, or the standard tier, but no other model."""
    target = next_target(situation.plan, situation.tried, situation.opens_in)
    opens_in = situation.opens_in(target)
    wait = 0.0
    if situation.tried.count(target.id):
        wait = wait_for_capacity(
            target,
            situation.plan.policy.flex,
            refused=situation.refused,
            asked=(setback.retry_after or 0.0) * (1 + _SPREAD * situation.chance),
            remaining=situation.remaining,
            chance=situation.chance,
        )
    wait = max(wait, opens_in)
    if wait >= situation.remaining:
        return TooLate(wait)
    return Wait(wait) if wait <= situation.in_memory else Defer(wait)


def decide_unavailable(situation: Situation) -> Decision:
    """Decide when no deployment of the plan may be called: another model, or wait until the first of them opens."""
    wait = min(situation.opens_in(target) for target in situation.plan.targets)
    model = next(_untried(situation.plan.fallbacks.general, situation), None)
    if model is not None:
        return FallBack(model)
    if wait >= situation.remaining:
        return TooLate(wait)
    return Wait(wait) if wait <= situation.in_memory else Defer(wait)


def _again(setback: Setback, situation: Situation) -> float | None:
    """Return seconds until the same model may be tried again; None: that is no use."""
    target = next_target(situation.plan, situation.tried, situation.opens_in)
    opens_in, count = situation.opens_in(target), situation.tried.count(target.id)
    retriable = setback.failure.retriable if setback.should_retry is None else setback.should_retry
    if situation.retries_left <= 0:
        # the deployments are down, and no fault of the request: their circuits say when to ask again
        return opens_in if opens_in > 0 and setback.failure.retriable else None
    if not retriable and not (opens_in == 0 and _is_one_of_several(setback, target, situation)):
        return _elsewhere(setback, opens_in, count)
    wait = backoff(count, situation.plan.policy, situation.chance) if count else 0.0
    if setback.retry_after is not None and situation.tried[-1:] == (target.id,):
        wait = max(wait, setback.retry_after * (1 + _SPREAD * situation.chance))
    return max(wait, opens_in)


def _is_one_of_several(setback: Setback, target: Target, situation: Situation) -> bool:
    """Say whether it was a credential's fault where there are others: it is left alone, and the request goes on."""
    at_fault = setback.failure.code in CREDENTIAL and situation.tried[-1:] == (target.id,)
    return at_fault and len(target.credentials) > 1


def _elsewhere(setback: Setback, opens_in: float, count: int) -> float | None:
    """Return when another deployment may be tried, whose answer may differ; None: it will be no other."""
    code = setback.failure.code
    if opens_in == 0:
        return 0.0 if count == 0 and (code in _PARTICULAR or setback.failure.retriable) else None
    # money comes back; a wrong key does not cure itself
    return opens_in if code is Code.QUOTA_EXHAUSTED else None


def _fallback(setback: Setback, situation: Situation) -> str | None:
    models = _candidates(setback, situation.plan.fallbacks)
    return next(_untried(tuple(models), situation), None)


def _candidates(setback: Setback, fallbacks: Fallbacks) -> Iterator[str]:
    code = setback.failure.code
    if code in FIT:
        yield from fallbacks.context_window
    if code is Code.CONTENT_POLICY:
        yield from fallbacks.content_policy
    status = "" if setback.status is None else str(setback.status)
    for pattern, models in fallbacks.by_status:
        if pattern == status or (pattern[1:] == "xx" and pattern[:1] == status[:1]):
            yield from models
    if code not in _REQUESTS_OWN:
        yield from fallbacks.general


def _untried(models: tuple[str, ...], situation: Situation) -> Iterator[str]:
    if len(situation.models) > situation.plan.fallbacks.most:
        return iter(())
    return (model for model in models if model not in situation.models and model not in situation.barred)


def longer_models(why: Failure, fallbacks: Fallbacks) -> tuple[str, ...]:
    """Return the models that may be asked when no deployment of a model is long enough, before anybody is called."""
    if why.code not in FIT:
        return ()
    return (*fallbacks.context_window, *fallbacks.general)[: fallbacks.most]


def after_fallback(old: Plan, new: Plan) -> Plan:
    """Return the plan of a model that a request falls back to: one budget of retries, and the old ways out first."""
    merged = Fallbacks(
        (*old.fallbacks.general, *new.fallbacks.general),
        (*old.fallbacks.context_window, *new.fallbacks.context_window),
        (*old.fallbacks.content_policy, *new.fallbacks.content_policy),
        (*old.fallbacks.by_status, *new.fallbacks.by_status),
        old.fallbacks.most,
    )
    return Plan(new.targets, old.policy, merged, new.hedge, old.shadow)


def backoff(attempt: int, policy: RetryPolicy, chance: float) -> float:
    """Return seconds: exponential with equal jitter, half fixed and half chance, so that it never collapses to nothing.

    Source of the jitter: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(policy.max_backoff, policy.backoff * 2.0 ** min(attempt - 1, 60))
    return ceiling / 2 + ceiling / 2 * chance
