"""Deferral: a request parked on a topic until a known time, and what it remembers meanwhile. Pure.

A deferral topic delivers a record when it has lain there for its tier's length, so each is a queue in which only the
head has to be looked at. A longer wait is a chain of hops, each through the longest tier that still fits; what is left
in the end is waited for in memory. From a wait of `h` whole hours that takes at most `h + 19` hops (5 through ten
minutes, 9 through a minute, 5 through ten seconds).

What a request remembers stands in headers that are added after the producer's own, whatever those are called: reading
takes the last of each name, parking again replaces the last of each, and `original` takes them away. They are read on
deferral topics only, which nobody but workers writes to: on a lane a producer may send headers of these names, and
they mean nothing. `read_deferral` is the only reader, and that is where this is enforced.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from .proof import without_proof
from .record import Headers, Record
from .topics import Lane, Tier, Topics

DUE: Final = "headgate-due"
TICKET: Final = "headgate-ticket"
TICKET_FOR: Final = "headgate-ticket-for"
LANE: Final = "headgate-lane"
PLACE: Final = "headgate-place"
ARRIVED: Final = "headgate-arrived"
HOPS: Final = "headgate-hops"
ATTEMPTS: Final = "headgate-attempts"
SPENT: Final = "headgate-spent"
REFUSED: Final = "headgate-refused"
SHADOW: Final = "headgate-shadow"

_OURS: Final = (LANE, PLACE, ARRIVED, DUE, TICKET, TICKET_FOR, HOPS, ATTEMPTS, SPENT, REFUSED, SHADOW)

#: Seconds that a record lies on each deferral topic. Tests have shorter ones.
LENGTHS: Final[Mapping[Tier, float]] = MappingProxyType(
    {Tier.SECONDS_10: 10.0, Tier.MINUTE: 60.0, Tier.MINUTES_10: 600.0, Tier.HOUR: 3600.0}
)
#: What a hop may take beyond its tier's length without making its request late: the commit, and the waking.
SLACK_SECONDS: Final = 0.2

#: Times beyond this (the year 287396, in milliseconds) are nobody's.
_LATEST: Final = 2**53
_LONGEST_NUMBER: Final = 16
#: A topic's name is at most 249 characters; partition and offset, or the entry's id, are less than 64.
_LONGEST_PLACE: Final = 320


class Deferral(msgspec.Struct, frozen=True):
    """What a parked request remembers. Times are unix milliseconds."""

    lane: Lane
    #: The place at which the request arrived: it names the request for ever, through all hops.
    place: str
    #: When it arrived there: its deadline counts from then.
    at_ms: int
    #: When it may go on.
    due_ms: int
    #: The slot of the limits that is reserved for it, unix microseconds by the store's clock; None: no slot.
    ticket_us: int | None = None
    #: The deployment whose limits that slot is in, beside the request's own.
    ticket_for: str | None = None
    #: How often it has been parked, this time included.
    hops: int = 1
    #: Attempts that were made before it was parked, and what they have cost, nano-dollars.
    attempts: int = 0
    spent_nano: int = 0
    #: How many of them found no capacity on the flex tier.
    refused: int = 0
    #: The model whose answer is only recorded: then this is no request of the producer's, but a copy of one.
    shadow: str | None = None


def tier_for(
    remaining_seconds: float, lengths: Mapping[Tier, float] = LENGTHS, slack_seconds: float = SLACK_SECONDS
) -> Tier | None:
    """Return the longest tier that a request may be parked on without being late; None: wait for the rest in memory.

    In memory that is less than the shortest tier and the slack: 10.2 seconds.
    """
    fitting = [tier for tier, seconds in lengths.items() if seconds + slack_seconds <= remaining_seconds]
    return max(fitting, key=lengths.__getitem__, default=None)


def deferred_record(record: Record, deferral: Deferral, topics: Topics, tier: Tier) -> Record:
    """Return the record that parks a request on `tier`, from the record as it was delivered by a lane or a tier.

    Without its proof: that has been checked, and is for nobody else.
    """
    producers = without_proof(original(record, deferral.lane, topics).headers)
    return Record(topics.deferred(tier), record.value, record.key, (*producers, *_written(deferral)))


def original(record: Record, lane: Lane, topics: Topics) -> Record:
    """Return a delivered record as its producer wrote it, on its lane."""
    if topics.tier_of(record.topic) is None:
        return record
    return Record(topics.requests(lane), record.value, record.key, _without_ours(record.headers))


def read_deferral(record: Record, topics: Topics) -> Deferral | None:
    """Return what a parked request remembers; None for a record that is not one of ours on a deferral topic.

    Total: without a lane, a place, an arrival and a due time that can be read, it is not one of ours (treat it as a
    request that has just arrived); a ticket that cannot be read is none, and hops are 1.
    """
    if topics.tier_of(record.topic) is None:
        return None
    last = dict(record.headers)
    lane, place = _LANES.get(last.get(LANE)), _place(last.get(PLACE))
    at_ms, due_ms = _number(last.get(ARRIVED)), _number(last.get(DUE))
    if lane is None or place is None or at_ms is None or due_ms is None:
        return None
    return Deferral(
        lane,
        place,
        at_ms,
        due_ms,
        _number(last.get(TICKET)),
        _text(last.get(TICKET_FOR)),
        max(1, _number(last.get(HOPS)) or 1),
        _number(last.get(ATTEMPTS)) or 0,
        _number(last.get(SPENT)) or 0,
        _number(last.get(REFUSED)) or 0,
        _text(last.get(SHADOW)),
    )


_LANES: Final[Mapping[bytes | None, Lane]] = MappingProxyType({lane.encode(): lane for lane in Lane})


def _written(deferral: Deferral) -> Headers:
    """Write all of them, always: one that was left out would be read from the producer's headers."""
    ticket = b"" if deferral.ticket_us is None else b"%d" % deferral.ticket_us
    return (
        (LANE, deferral.lane.encode()),
        (PLACE, deferral.place.encode()),
        (ARRIVED, b"%d" % deferral.at_ms),
        (DUE, b"%d" % deferral.due_ms),
        (TICKET, ticket),
        (TICKET_FOR, (deferral.ticket_for or "").encode()),
        (HOPS, b"%d" % deferral.hops),
        (ATTEMPTS, b"%d" % deferral.attempts),
        (SPENT, b"%d" % deferral.spent_nano),
        (REFUSED, b"%d" % deferral.refused),
        (SHADOW, (deferral.shadow or "").encode()),
    )


def _without_ours(headers: Headers) -> Headers:
    """Take away the last header of each of our names; in almost every record that is the end of them."""
    if tuple(name for name, _ in headers[-len(_OURS) :]) == _OURS:
        return headers[: -len(_OURS)]
    places = {name: place for place, (name, _) in enumerate(headers) if name in _OURS}
    ours = frozenset(places.values())
    return tuple(pair for place, pair in enumerate(headers) if place not in ours)


def _number(raw: bytes | None) -> int | None:
    if raw is None or not raw.isdigit() or len(raw) > _LONGEST_NUMBER:
        return None
    number = int(raw)
    return number if number <= _LATEST else None


def _place(raw: bytes | None) -> str | None:
    return None if raw is None or len(raw) > _LONGEST_PLACE else _text(raw)


def _text(raw: bytes | None) -> str | None:
    if not raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
