"""The one terminal answer to a request: an OpenAI batch output line, with Headgate's own facts beside it.

Source of the line's shape: OpenAI's Batch API guide, "Retrieve the results" (`id`, `custom_id`, `response`, `error`).
"""

import enum
from typing import Final

import msgspec

from .failures import Failure


class Status(enum.StrEnum):
    """How a request ended."""

    #: The provider answered, and the answer is in `response`.
    COMPLETED = "completed"
    #: It cannot be answered; `error` says why.
    FAILED = "failed"
    #: Its deadline passed first.
    EXPIRED = "expired"
    #: Somebody cancelled it.
    CANCELLED = "cancelled"
    #: Limits, budgets or access do not allow it.
    REFUSED = "refused"


class Tokens(msgspec.Struct, frozen=True):
    """Token counts of one attempt. `input` includes cached ones, `output` includes reasoning."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    #: Of `cache_write`, those that stay for an hour.
    cache_write_1h: int = 0
    #: Of `input`, those that are sound; of these, the cached ones; of `output`, those that are sound.
    input_audio: int = 0
    cached_audio: int = 0
    output_audio: int = 0
    #: Beside tokens, or instead of them: search units, images, seconds of sound, moderations.
    units: int = 0


class Response(msgspec.Struct, frozen=True):
    """What the provider answered; `body` is its JSON, byte for byte."""

    status_code: int
    request_id: str
    body: msgspec.Raw


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """Headgate's own facts about a reply: who ran it, at what cost, how long it took."""

    request_id: str
    status: Status
    batch: str | None = None
    model: str | None = None
    deployment: str | None = None
    provider: str | None = None
    attempts: int = 0
    tokens: Tokens = Tokens()
    #: Of all attempts of this request, nano-dollars.
    cost_nano: int = 0
    queue_ms: int = 0
    latency_ms: int = 0
    #: The service tier that answered, where the provider says it: it is what was billed.
    service_tier: str | None = None
    #: What was left out or put otherwise because the deployment cannot honour it: one clause each.
    notes: tuple[str, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """The value of a record on a reply topic."""

    id: str
    custom_id: str | None
    response: Response | None
    error: Failure | None
    headgate: Account


class OutputLine(msgspec.Struct, frozen=True):
    """A reply as it is written to files: exactly the four keys of OpenAI's batch output."""

    id: str
    custom_id: str | None
    response: Response | None
    error: Failure | None


_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Reply)


def encode_reply(reply: Reply) -> bytes:
    """Encode a reply as a record's value."""
    return _encoder.encode(reply)


def decode_reply(value: bytes) -> Reply:
    """Decode a record's value; raises `msgspec.DecodeError` if it is no reply."""
    return _decoder.decode(value)


def output_line(reply: Reply) -> bytes:
    """Encode the line that `run` and `collect` write, newline included.

    Providers may answer over several lines; between the tokens of JSON a newline and a blank mean the same.
    """
    line = _encoder.encode(OutputLine(reply.id, reply.custom_id, reply.response, reply.error))
    return line.translate(_ONE_LINE) + b"\n"
