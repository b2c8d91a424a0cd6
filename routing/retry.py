"""What to do after a failed attempt: pure, executed by the shell with tenacity."""

from dataclasses import dataclass
from typing import Final

from .outcome import Setback
from .target import RetryPolicy

#: A Retry-After is honoured plus this share of chance, so that those who wait together do not return together.
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The failure stands."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """It might succeed, but not before the deadline."""

    #: Seconds that it would have had to wait.
    seconds: float


def decide(
    setback: Setback, attempt: int, policy: RetryPolicy, remaining: float, chance: float
) -> Again | GiveUp | TooLate:
    """Decide after attempt number `attempt`, from 1.

    `remaining` is seconds to the deadline, `chance` in [0, 1).
    """
    retriable = setback.failure.retriable if setback.should_retry is None else setback.should_retry
    if not retriable or attempt > policy.retries:
        return GiveUp()
    wait = backoff(attempt, policy, chance)
    if setback.retry_after is not None:
        wait = max(wait, setback.retry_after * (1 + _SPREAD * chance))
    return TooLate(wait) if wait >= remaining else Again(wait)


def backoff(attempt: int, policy: RetryPolicy, chance: float) -> float:
    """Return seconds: exponential with equal jitter, half fixed and half chance, so that it never collapses to nothing.

    Source of the jitter: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(policy.max_backoff, policy.backoff * 2.0 ** min(attempt - 1, 60))
    return ceiling / 2 + ceiling / 2 * chance
