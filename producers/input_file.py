"""From a file of OpenAI batch lines to records for the bus, and to answers for the lines that never get there.

A line is judged by `schemas.reading`, as a gateway would judge it, so a wrong line has the same error wherever it is
found. Its bytes become the record's value unchanged; what the batch adds to it travels in headers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, assert_never

import msgspec

from ..schemas import headers as names
from ..schemas.failures import Code, Failure, failure
from ..schemas.reading import read_request
from ..schemas.record import Headers, Record
from ..schemas.reply import Account, Reply, Status
from ..schemas.request import Arrival, Defaults, Rejected, Request, Unreadable
from .ids import reply_id, request_id
from .raw_lines import RawLine, line_at, raw_lines
from .seen_ids import SeenIds
from .terms import Terms

#: A line longer than this many times the limit is not even looked into, so its answer has no custom_id.
_LOOK: Final = 4


class Submission(msgspec.Struct, frozen=True):
    """A line that goes to the bus."""

    line: int
    record: Record


class LocalReply(msgspec.Struct, frozen=True):
    """A line that is answered here."""

    line: int
    reply: Reply


def read_lines(path: Path, terms: Terms) -> Iterator[Submission | LocalReply]:
    """Yield what becomes of every line that is not blank, the same at every reading of the same file.

    Memory does not grow with the bodies: one line is held at a time, and 30 bytes per custom_id. Raises OSError.
    """
    with path.open("rb") as file:
        cap = _LOOK * terms.max_bytes
        seen = _seen_ids(file, cap)
        for raw in raw_lines(file, cap):
            record = Record(terms.topic, raw.data, None, _headers(raw.number, terms))
            judged = _unless_duplicate(seen, raw, _judge(raw, record, terms))
            if judged.failure is None:
                yield Submission(raw.number, record)
            else:
                yield LocalReply(raw.number, _local_reply(raw.number, terms.batch, judged, judged.failure))


class _Id(msgspec.Struct, frozen=True):
    custom_id: str | None = None


_id = msgspec.json.Decoder(_Id)


def _seen_ids(file: BinaryIO, cap: int) -> SeenIds:
    def id_at(offset: int) -> str | None:
        try:
            return _id.decode(line_at(file.fileno(), offset, cap)).custom_id
        except msgspec.DecodeError:
            return None  # the file is being changed under our hands: then it is not that id any more

    return SeenIds(id_at)


def _headers(line: int, terms: Terms) -> Headers:
    given = (
        (names.REQUEST_ID, request_id(terms.batch, line)),
        (names.BATCH, terms.batch),
        (names.REPLY_TO, terms.reply_to),
        (names.KEY, terms.key),
        (names.DEADLINE, terms.deadline),
    )
    return tuple((name, value.encode()) for name, value in given if value is not None)


class _Judged(msgspec.Struct, frozen=True):
    """What is known of a line; without a failure it is fit to be sent."""

    custom_id: str | None
    model: str
    failure: Failure | None


def _judge(raw: RawLine, record: Record, terms: Terms) -> _Judged:
    if raw.data is None:
        expected, given = f"at most {terms.max_bytes} bytes", f"{raw.size} bytes"
        return _Judged(None, "", failure(Code.REQUEST_TOO_LARGE, expected=expected, given=given))
    arrival = Arrival(request_id(terms.batch, raw.number), terms.lane, 0)
    read = read_request(record, arrival, Defaults(max_bytes=terms.max_bytes))
    match read:
        case Unreadable():
            return _Judged(None, "", read.failure)
        case Rejected():
            return _Judged(read.custom_id, read.model, read.failure)
        case Request():
            return _Judged(read.custom_id, read.model, _override(read, raw.number, terms))
        case _:
            assert_never(read)


def _override(read: Request, line: int, terms: Terms) -> Failure | None:
    """Refuse a field that would win over the batch's header and lead the reply astray."""
    fields = (
        ("id", read.id, request_id(terms.batch, line)),
        ("batch", read.batch, terms.batch),
        ("reply_to", read.reply_to, terms.reply_to),
    )
    for name, given, ours in fields:
        if given != ours:
            expected = f"no field {name}: a batch sets it itself, and custom_id is yours"
            return failure(Code.INVALID_REQUEST, expected=expected, given=f"{name}: {given}")
    return None


def _unless_duplicate(seen: SeenIds, raw: RawLine, judged: _Judged) -> _Judged:
    """Find the earlier line of the same custom_id. A wrong line keeps its own error, and its id."""
    if judged.custom_id is None:
        return judged
    first = seen.first_line(judged.custom_id, raw.offset, raw.number)
    if first is None or judged.failure is not None:
        return judged
    given = f"{judged.custom_id}, which line {first} has"
    why = failure(Code.DUPLICATE_ID, expected="a custom_id of its own", given=given)
    return _Judged(judged.custom_id, judged.model, why)


def _local_reply(line: int, batch: str, judged: _Judged, why: Failure) -> Reply:
    request = request_id(batch, line)
    account = Account(request, Status.FAILED, batch, judged.model or None)
    return Reply(reply_id(request), judged.custom_id, None, why, account)
