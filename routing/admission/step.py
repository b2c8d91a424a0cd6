"""From admission's answer to what is done: pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, assert_never

from ...schemas.failures import Code, Failure, failure
from .verdict import Busy, Exhausted, Fenced, Late, Never, NotReady, Paused, Stale, Wait

_US: Final = 1_000_000
#: The calendar of the standard library begins and ends here; what producers and providers name does not.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Fallback:
    """When the budget is spent, ask for another model."""

    model: str


#: What a request does when a budget is spent: True waits for the next window, False is refused.
AtLimit = bool | Fallback


@dataclass(frozen=True, slots=True)
class Standing:
    """Who asks, and how long it can wait."""

    #: Unix microseconds by the store's clock, as far as the worker knows it.
    now_us: int
    deadline_us: int
    #: Longer waits leave memory.
    in_memory_us: int
    #: Set when the key has its share of the window waiting already: how long its queue is likely to take.
    crowded_us: int | None = None
    #: By budget name; a budget that is not named waits.
    at_limit: Mapping[str, AtLimit] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Again:
    """Ask again in so many seconds."""

    seconds: float
    ticket_us: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """Ask again when something of this limit comes free."""

    limit: str


@dataclass(frozen=True, slots=True)
class Park:
    """Leave memory until a known time."""

    due_us: int
    ticket_us: int | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer now that it cannot be."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Ask for another model."""

    model: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody may spend at the moment."""


@dataclass(frozen=True, slots=True)
class Drop:
    """It is another worker's."""


#: All answers but `Go`.
Refusal = Wait | Late | Busy | Paused | Exhausted | Never | Stale | Fenced | NotReady

Step = Again | Queue | Park | Refuse | Elsewhere | Pause | Drop


def step(verdict: Refusal, standing: Standing) -> Step:  # noqa: C901, PLR0911 - one line for each answer
    """Return what follows when an attempt is not let in."""
    match verdict:
        case Wait(_, ticket_us, _):
            return _until(ticket_us, standing, ticket_us)
        case Late(earliest_us, limit):
            return Refuse(too_late(earliest_us, limit))
        case Busy(limit):
            if standing.now_us >= standing.deadline_us:
                return Refuse(too_late(None, limit))
            return _busy(limit, standing)
        case Paused(limit, until_us):
            return _paused(limit, until_us, standing)
        case Exhausted(budget, resets_us):
            return _exhausted(budget, resets_us, standing)
        case Never(limit, amount, most):
            return Refuse(failure(Code.LIMIT_TOO_SMALL, expected=f"at most {most} of {limit}", given=amount))
        case Stale():
            return Again(0.0)
        case Fenced():
            return Drop()
        case NotReady():
            return Pause()
        case _:
            assert_never(verdict)


def _until(due_us: int, standing: Standing, ticket_us: int | None) -> Again | Park:
    wait_us = due_us - standing.now_us
    return Again(max(wait_us, 0) / _US, ticket_us) if wait_us <= standing.in_memory_us else Park(due_us, ticket_us)


def _busy(limit: str, standing: Standing) -> Queue | Park:
    """Let a key's overflow leave memory for about as long as its queue takes; past the deadline it is no use."""
    if standing.crowded_us is None:
        return Queue(limit)
    due_us = standing.now_us + max(standing.crowded_us, standing.in_memory_us)
    return Park(due_us) if due_us < standing.deadline_us else Queue(limit)


def _paused(limit: str, until_us: int, standing: Standing) -> Step:
    """Whoever may stay in memory queues: there the others of the pause are, and the order is fair."""
    if until_us >= standing.deadline_us:
        return Refuse(too_late(until_us, limit))
    return Queue(limit) if until_us - standing.now_us <= standing.in_memory_us else Park(until_us)


def _exhausted(budget: str, resets_us: int | None, standing: Standing) -> Step:
    policy = standing.at_limit.get(budget, True)
    if isinstance(policy, Fallback):
        return Elsewhere(policy.model)
    if resets_us is None or policy is False:
        when = "it has no next window" if resets_us is None else f"its next window begins at {moment(resets_us)}"
        return Refuse(failure(Code.BUDGET_EXCEEDED, expected=f"money, tokens or requests left in {budget}", given=when))
    if resets_us >= standing.deadline_us:
        return Refuse(too_late(resets_us, budget))
    return _until(resets_us, standing, None)


def too_late(earliest_us: int | None, limit: str) -> Failure:
    """Return why a request is refused whose deadline comes before its turn, and which deadline would have done."""
    expected = None if earliest_us is None else f"a deadline after {moment(earliest_us)}"
    return failure(Code.DEADLINE_EXCEEDED, expected=expected, given=f"no room before the deadline in {limit}")


def moment(unix_us: int) -> str:
    """Return a time as people and programs read it: RFC 3339 in UTC, to the millisecond, from year 1 to 9999.

    >>> moment(1_800_000_000_250_000)
    '2027-01-15T08:00:00.250Z'
    """
    seconds = min(max(unix_us / _US, _FIRST_SECOND), _LAST_SECOND)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
