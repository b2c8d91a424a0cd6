"""Requests as the ledger has them, one after the other."""

import datetime as dt
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import msgspec

from ..schemas.recorded import RecordedAnswer, RecordedRequest
from .cost import EVER, microseconds
from .reader import Reader
from .sql import query

#: Requests that are put together at a time: each such time reads all events that lie between theirs.
_AT_ONCE: Final = 5_000
_NOWHERE: Final = {"deployment": "", "provider": "", "latency_ms": 0}


def recorded_requests(
    reader: Reader, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> Iterator[RecordedRequest]:
    """Yield the requests with events from `since` (included) until `until` (excluded), in the order of their arrival.

    What happened to one of them outside of that time is not looked at. Raises `ValueError` for a time without a zone.
    """
    window = {"since": microseconds(since, EVER[0]), "until": microseconds(until, EVER[1])}
    reader.rows(query("arrivals"), window)
    for first in count(0, _AT_ONCE):
        some = {"first": first, "end": first + _AT_ONCE}
        ((begin, end),) = reader.rows(query("arrived"), some)
        if begin is None:
            return
        yield from map(_request, reader.rows(query("recorded"), {**some, "since": begin, "until": end}))


def _request(row: tuple[Any, ...]) -> RecordedRequest:
    request_id, key, arrived_us, first, last, last_us, cost_nano, answers, code = row
    paid = tuple(msgspec.convert(answer, RecordedAnswer) for answer in answers or ())
    known = {**first, **(last or _NOWHERE), "request_id": request_id, "key": key}
    known |= {"arrived_us": arrived_us, "last_us": last_us, "cost_nano": cost_nano, "code": None if paid else code}
    return msgspec.structs.replace(msgspec.convert(known, RecordedRequest), answers=paid)
