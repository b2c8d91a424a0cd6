"""What answers ask of a client: how long to wait, whether to try again at all, and how much is left of a rate limit.

Dialects, each with its source:

- OpenAI and Azure: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the reset a Go duration (OpenAI's guide,
  "Rate limits"). Azure's responses may say limit and remaining -1 and reset 0, which is nothing
  (learn.microsoft.com/answers/questions/5625878).
- Groq: as OpenAI, but requests are per day (console.groq.com/docs/rate-limits).
- Fireworks: `...-tokens-prompt` and `...-tokens-generated` (docs.fireworks.ai/serverless/rate-limits).
- DigitalOcean: `...-tokens-per-{minute,day}`, the reset a unix time (its reference, "Quota-specific response headers").
- Mistral: `x-ratelimit-remaining` alone (docs.mistral.ai).
- Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the reset in
  RFC 3339 (Anthropic's reference, "Rate limits").
- Gemini: `retryDelay` of a `google.rpc.RetryInfo` in the error's details.
- All: `retry-after` in seconds or as a date (RFC 9110 §10.2.3), and `retry-after-ms` and `x-ms-retry-after-ms` as the
  clients of OpenAI and Azure read them.

Nothing that a provider sends raises: what is not understood says nothing.
"""

import datetime as dt
import enum
import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final

import msgspec


class Dimension(enum.StrEnum):
    """What a rate limit counts."""

    REQUESTS = "requests"
    #: Input and output together.
    TOKENS = "tokens"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"


class Allowance(msgspec.Struct, frozen=True):
    """What is left of one rate limit."""

    dimension: Dimension
    remaining: float
    #: None: not said.
    limit: float | None = None
    #: Seconds until it is whole again.
    reset: float | None = None
    #: Seconds of the limit's window, where the name or the provider tells.
    period: float | None = None

    @property
    def fraction(self) -> float | None:
        """The share that is left, from 0 to 1; None if it cannot be known."""
        if self.limit is None:
            return None if self.remaining else 0.0
        return min(self.remaining / self.limit, 1.0)


class RateSignal(msgspec.Struct, frozen=True):
    """All that an answer says about rates."""

    allowances: tuple[Allowance, ...] = ()
    #: Seconds that the provider asks to wait.
    retry_after: float | None = None


_DAY: Final = 86_400.0
_MINUTE: Final = 60.0
#: What limits are called, and the window that the name tells.
_NAMES: Final[Mapping[str, tuple[Dimension, float | None]]] = MappingProxyType(
    {
        "requests": (Dimension.REQUESTS, None),
        "requests-per-minute": (Dimension.REQUESTS, _MINUTE),
        "requests-per-day": (Dimension.REQUESTS, _DAY),
        "tokens": (Dimension.TOKENS, None),
        "tokens-per-minute": (Dimension.TOKENS, _MINUTE),
        "tokens-per-day": (Dimension.TOKENS, _DAY),
        "input-tokens": (Dimension.INPUT_TOKENS, None),
        "tokens-prompt": (Dimension.INPUT_TOKENS, None),
        "output-tokens": (Dimension.OUTPUT_TOKENS, None),
        "tokens-generated": (Dimension.OUTPUT_TOKENS, None),
    }
)
#: Windows that a provider's documentation tells.
_WINDOWS: Final[Mapping[tuple[str, str], float]] = MappingProxyType(
    {
        ("groq", "requests"): _DAY,
        ("groq", "tokens"): _MINUTE,
        ("openai", "requests"): _MINUTE,
        ("openai", "tokens"): _MINUTE,
        ("anthropic", "requests"): _MINUTE,
        ("anthropic", "tokens"): _MINUTE,
        ("anthropic", "input-tokens"): _MINUTE,
        ("anthropic", "output-tokens"): _MINUTE,
    }
)
_RETRY: Final = (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0))
#: Longer than any rate limit's window; a reset further away is a time, in seconds or milliseconds since 1970.
_LONGEST: Final = 400 * _DAY
_MILLISECONDS: Final = 1e11
#: `time.Duration.String()` of Go; some servers write days, which Go does not.
_GO_UNITS: Final = MappingProxyType(
    {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY}
)
_GO_PART: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,15})?)(ns|us|µs|μs|ms|s|m|h|d)")
_GO: Final = re.compile(rf"(?:{_GO_PART.pattern})+")


def rate_signal(
    headers: Mapping[str, str], body: bytes = b"", provider: str = "", now: dt.datetime | None = None
) -> RateSignal:
    """Read an answer: its headers, their names in lower case, and, of a refusal, its body.

    Absolute times count from the answer's own `Date`, so that clocks need not agree; without one, from `now`.
    """
    clock = _once(lambda: _moment(headers.get("date", "")) or now)
    wait = _retry_after(headers, clock)
    if wait is None and body:
        wait = _retry_delay(body)
    return RateSignal(tuple(_allowances(headers, provider, clock)), wait)


def retry_after(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Return seconds to wait, None if nothing (or nothing sensible) was said."""
    return _retry_after(headers, lambda: now or _moment(headers.get("date", "")))


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return the provider's own word, None if it gave none."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())


#: The clock that an absolute time counts from; asked only where there is one, because dates take long to read.
_Clock = Callable[[], dt.datetime | None]


def _once(ask: _Clock) -> _Clock:
    """Ask a clock when it is first needed, and not again; `functools.cache` takes longer to make than all the rest."""
    told: list[dt.datetime | None] = []

    def clock() -> dt.datetime | None:
        if not told:
            told.append(ask())
        return told[0]

    return clock


def _retry_after(headers: Mapping[str, str], clock: _Clock) -> float | None:
    for name, unit in _RETRY:
        said = _number(headers.get(name))
        if said is not None:
            return said * unit
    date = headers.get("retry-after")
    return None if date is None else _until(_moment(date), clock)


def _allowances(headers: Mapping[str, str], provider: str, clock: _Clock) -> Iterator[Allowance]:
    for header, said in headers.items():
        if "ratelimit" not in header or "remaining" not in header:
            continue
        name, prefix, suffix = _name(header)
        dimension, period = _NAMES.get(name, (None, None))
        remaining = _number(said)
        limit = headers.get(f"{prefix}limit{suffix}")
        if dimension is None or remaining is None or (limit is not None and not _number(limit)):
            continue  # a limit of -1 or 0 means that nothing is known
        reset = _seconds(headers.get(f"{prefix}reset{suffix}", ""), clock)
        yield Allowance(dimension, remaining, _number(limit), reset, period or _WINDOWS.get((provider, name)))


def _name(header: str) -> tuple[str, str, str]:
    """Return what a header says is left of what, and what stands around `limit` and `reset` in those beside it."""
    if header == "x-ratelimit-remaining":
        return "requests", "x-ratelimit-", ""
    if header.startswith("x-ratelimit-remaining-"):
        name = header.removeprefix("x-ratelimit-remaining-")
        return name, "x-ratelimit-", f"-{name}"
    if header.startswith("anthropic-ratelimit-") and header.endswith("-remaining"):
        name = header.removeprefix("anthropic-ratelimit-").removesuffix("-remaining")
        return name, f"anthropic-ratelimit-{name}-", ""
    return "", "", ""


def _seconds(text: str, clock: _Clock) -> float | None:
    """Return how far away a reset is: a Go duration, seconds, a unix time or RFC 3339. None: not said, or 0."""
    said = _number(text)
    if said is None:
        return (_go(text) or _until(_moment(text), clock)) if text else None
    if said <= _LONGEST:
        return said or None
    now = clock()
    return None if now is None else max(0.0, (said / 1000 if said >= _MILLISECONDS else said) - now.timestamp())


def _go(text: str) -> float | None:
    """Return the seconds of a Go duration such as `6m0s`, `12ms` or `1h2m3.5s`."""
    if not _GO.fullmatch(text):
        return None
    return sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text))


def _number(text: str | None) -> float | None:
    if not text or text[-1].isalpha():  # most often there is nothing, or a duration; an exception takes long to raise
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _until(moment: dt.datetime | None, clock: _Clock) -> float | None:
    now = None if moment is None else clock()
    return None if moment is None or now is None else max(0.0, (moment - now).total_seconds())


def _moment(text: str) -> dt.datetime | None:
    """Return the time that a date of RFC 3339, or of HTTP, names."""
    for read in (dt.datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, OverflowError):  # the second for numbers that no C integer holds
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return None


class _Detail(msgspec.Struct):
    #: A protobuf duration, such as `37s` or `3.5s`.
    delay: str = msgspec.field(name="retryDelay", default="")


class _Google(msgspec.Struct):
    details: tuple[_Detail, ...] = ()


class _Refusal(msgspec.Struct):
    error: _Google | None = None


#: Some of Google's servers put the error into a list.
_refusal: "msgspec.json.Decoder[_Refusal | list[_Refusal]]" = msgspec.json.Decoder(_Refusal | list[_Refusal])


def _retry_delay(body: bytes) -> float | None:
    if b"retryDelay" not in body:
        return None
    try:
        said = _refusal.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    refusals = said if isinstance(said, list) else [said]
    details = (detail for refusal in refusals if refusal.error for detail in refusal.error.details)
    delays = (_go(detail.delay) for detail in details)
    return max((delay for delay in delays if delay is not None), default=None)
