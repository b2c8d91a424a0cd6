"""What a wire is: how its answers are made, how its refusals are said, how its answers are named, and who may ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from ..chance import Draw
from ..faults import Kind
from ..pen import Pen
from ..refusal import Refusal
from ..tokens import Usage
from .answer import Answer

_STATUS_KINDS: Final = {"429", "500", "503", "529"}


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What a request brings along."""

    body: bytes
    #: The model that the path names, empty where the body does.
    model: str = ""
    #: The request's own content type.
    content_type: bytes = b""


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """When a refusal is said: to which attempt, in place of which answer, and when to come back."""

    request_id: str = ""
    answer: Answer = Answer(b"")
    #: Seconds and milliseconds; None: not a word on it.
    retry_after: float | None = None
    retry_after_ms: float | None = None


class Error(msgspec.Struct, frozen=True, gc=False):
    """A refusal as a wire says it."""

    status: int
    body: bytes
    #: Header lines, each with its end of line.
    headers: bytes = b""
    #: What is billed nevertheless.
    usage: Usage | None = None


class Row(msgspec.Struct, frozen=True, gc=False):
    """How a wire says one kind of refusal: the message may name `{model}`, `{limit}` and `{given}`."""

    status: int
    word: str
    message: str
    #: A second word, where a wire has two.
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """A provider's dialect of HTTP and JSON, as far as its operations have it in common."""

    refuse: Callable[[Refusal, Occasion], Error]
    #: The header lines that name an answer, by its request id and the milliseconds that it took.
    identify: Callable[[str, float], bytes]
    #: The headers in which a key may be shown, in lower case.
    key_headers: tuple[bytes, ...] = (b"authorization",)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that may be asked of a provider."""

    #: Where it is asked, with `{model}` in place of one; names the operation in the books.
    path: str
    wire: Wire
    answer: Callable[[Sent, Draw, Pen], Answer]


def row_of(rows: Mapping[Kind, Row], refusal: Refusal) -> Row:
    """Return how a refusal is said: its kind's row, or that of the kind that an error in a 200 names by its number."""
    kind = refusal.kind
    if kind is Kind.ERROR_IN_200:
        code = str(refusal.given)
        kind = Kind(code) if code in _STATUS_KINDS else Kind.SERVER_ERROR
        return msgspec.structs.replace(rows[kind], status=200)
    if kind is Kind.CAPACITY and kind not in rows:  # whoever has no word for it says that it is overloaded
        kind = Kind.OVERLOADED
    row = rows[kind]
    message = refusal.message or row.message.format(model=refusal.model, limit=refusal.limit, given=refusal.given)
    return Row(refusal.status or row.status, row.word, message, row.code)


def retry_headers(occasion: Occasion) -> bytes:
    """Return the header lines that say when to come back: whole seconds, milliseconds, or both."""
    seconds, milliseconds = occasion.retry_after, occasion.retry_after_ms
    lines = b"" if seconds is None else b"retry-after: %a\r\n" % _number(seconds)
    return lines if milliseconds is None else lines + b"retry-after-ms: %a\r\n" % _number(milliseconds)


def _number(number: float) -> float:
    return int(number) if number == int(number) else number


def identified_by(header: str) -> Callable[[str, float], bytes]:
    """Return what names answers in one header."""

    def identify(request_id: str, _ms: float) -> bytes:
        return f"{header}: {request_id}\r\n".encode()

    return identify
