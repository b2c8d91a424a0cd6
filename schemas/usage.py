"""The usage event: the record of one attempt (or refusal), and the only thing that the ledger is made of."""

import enum
import hashlib
from functools import lru_cache

import msgspec


class Outcome(enum.StrEnum):
    """How an attempt ended."""

    #: Answered, and billed as the provider reported.
    SUCCEEDED = "succeeded"
    #: Not answered, and not billed as far as anybody can know.
    FAILED = "failed"
    #: Nobody knows whether it was answered and billed: the cost is an estimate, never zero by default.
    UNCERTAIN = "uncertain"
    #: No attempt was made: the request was wrong, expired or not allowed.
    REFUSED = "refused"
    #: A request that was answered before and came again: the answer was taken from the journal, and cost nothing.
    REPLAYED = "replayed"


class Cause(enum.StrEnum):
    """Why this attempt was made."""

    FIRST = "first"
    RETRY = "retry"
    FALLBACK = "fallback"
    #: A copy of a request, for a model whose answers are only recorded: any attempt at it.
    SHADOW = "shadow"


class UsageEvent(msgspec.Struct, frozen=True):
    """One attempt. Times are unix microseconds, durations milliseconds, money nano-dollars."""

    event_id: str
    request_id: str
    ts: int
    outcome: Outcome
    cause: Cause
    attempt: int
    key: str
    lane: str
    endpoint: str
    model: str
    deployment: str = ""
    provider: str = ""
    upstream_model: str = ""
    batch: str | None = None
    workspace: str | None = None
    code: str | None = None
    http_status: int | None = None
    provider_request_id: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    price_version: str = ""
    queue_ms: int = 0
    latency_ms: int = 0
    metadata: dict[str, str] = {}
    #: Of the workspace.
    org: str | None = None
    #: As the body's `safety_identifier` or `user` names them.
    end_user: str | None = None
    #: Of the cache-written tokens, those that stay for an hour; and tokens that are sound: of the input, of the cached
    #: input, of the output.
    cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    cached_audio_tokens: int = 0
    output_audio_tokens: int = 0
    #: The service tier that the attempt asked for, and the one that the provider says has served it.
    service_tier_asked: str | None = None
    service_tier: str | None = None
    #: What is counted beside tokens: search units, images, seconds of sound, moderations.
    units: int = 0
    #: Calls that it was made of: more than one where several choices were made by as many. Tokens and money are of all.
    calls: int = 1


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(UsageEvent)


def encode_event(event: UsageEvent) -> bytes:
    """Encode an event as a record's value."""
    return _encoder.encode(event)


def decode_event(value: bytes) -> UsageEvent:
    """Decode a record's value; raises `msgspec.DecodeError` if it is no event."""
    return _decoder.decode(value)


@lru_cache(maxsize=1_024)  # whoever prepares, asks for and makes an attempt names it, one after the other
def event_id(run: str, attempt: int) -> str:
    """Return the id of attempt number `attempt` (from 1) of the run called `run`.

    It is a function of both, so that whoever finds an interrupted run in the journal can name its attempts, and a
    late original and its `uncertain` stand-in are one row of the ledger. A version 8 UUID (RFC 9562 §5.8).
    """
    digest = hashlib.blake2b(f"{run}/{attempt}".encode(), digest_size=16).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"
