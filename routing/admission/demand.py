"""What one attempt takes of every limit and budget that it touches: all of it is granted, or nothing is."""

import msgspec

#: Amounts are counts of requests or tokens, or nano-dollars; times are unix microseconds by the store's clock.


class RateLimit(msgspec.Struct, frozen=True):
    """At most `limit` in any window of `period_us`, wherever the window begins."""

    #: Unique among all limits, such as `key:rag-nightly:requests/minute`: its name in the store and to people.
    name: str
    limit: int
    #: At least a tenth of a second.
    period_us: int
    #: The most that goes at once, that is in one slot of the calendar (`calendar.py`); at least 1, at most `limit`.
    #: A larger amount goes alone.
    burst: int
    #: How far ahead a slot may be reserved. Where many keys share a limit this is short, so that they take turns
    #: instead of queueing behind whoever came first: a demand that would have to wait longer for this limit, beyond
    #: what it has to wait for others, is told `Busy`.
    ahead_us: int = 2**53
    #: Whether whoever asks for some of it is to hear how full it is.
    watched: bool = False


class Charge(msgspec.Struct, frozen=True):
    """What an attempt takes of a rate limit."""

    limit: RateLimit
    amount: int


class ParallelLimit(msgspec.Struct, frozen=True):
    """At most `limit` calls at a time."""

    name: str
    limit: int


class BudgetWindow(msgspec.Struct, frozen=True):
    """One budget in one of its windows: settled + held ≤ limit."""

    #: The budget's, such as `workspace:research:usd/day`.
    name: str
    start_us: int
    #: None: the window has no end, the budget is a total.
    end_us: int | None
    limit: int


class Hold(msgspec.Struct, frozen=True):
    """The worst case of an attempt, kept free in a budget until the true cost is known."""

    window: BudgetWindow
    amount: int


class Mark(msgspec.Struct, frozen=True):
    """The journal's entry that says that the attempt begins, written in the same step as the grant.

    Granted only if the request's last run in the journal still starts with `beginning`: else another worker has it.
    """

    key: str
    value: bytes
    beginning: bytes


class Demand(msgspec.Struct, frozen=True):
    """All that one attempt takes. No limit, and no budget's window, is named twice."""

    #: The attempt's event id: asking again with the same one is answered the same.
    attempt_id: str
    charges: tuple[Charge, ...] = ()
    parallel: tuple[ParallelLimit, ...] = ()
    holds: tuple[Hold, ...] = ()
    mark: Mark | None = None
    #: A slot before this time is of no use: whoever asks has parked what comes before. No charges: no slot.
    earliest_us: int = 0
    #: A slot after this time is of no use: the request's deadline.
    latest_us: int = 2**53
    #: The slot that an earlier `Wait` has reserved; its charges are taken already.
    ticket_us: int | None = None
    #: How many calls it makes at once, at least 1: each has a place of its own in every parallel limit.
    calls: int = 1


class Correction(msgspec.Struct, frozen=True):
    """How far a charge was off: the true amount less the estimate, positive or negative."""

    limit: RateLimit
    delta: int
