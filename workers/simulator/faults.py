"""Faults on demand: their kinds, how a step of a script is spelled, and which fault an attempt meets.

    script = step *("," step)
    step   = kind ["=" value] *(";" name "=" value) ["*" [times]]

The steps are consumed one per attempt of a request. `*3` says a step three times, `*` for ever. After the last step
all attempts are answered. The value belongs to the kind: milliseconds for `latency`, `timeout` and `keepalive`, the
code inside the error for `error_in_200`.
"""

import enum
import math
from collections.abc import Sequence
from typing import Final

import msgspec


class Kind(enum.StrEnum):
    """What happens to an attempt."""

    #: Nothing: it is answered.
    OK = "ok"
    #: Refused for its rate; with `retry_after` or `retry_after_ms` the answer says when to come back.
    RATE_LIMITED = "429"
    #: Refused because the money is gone; it also has status 429.
    QUOTA = "quota"
    #: Refused because there is no capacity for the flex tier; it has status 429 as well.
    CAPACITY = "capacity"
    SERVER_ERROR = "500"
    OVERLOADED = "503"
    #: Anthropic's word for overloaded.
    SITE_OVERLOADED = "529"
    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    MODEL_NOT_FOUND = "404"
    CONTEXT_LENGTH = "context_length_exceeded"
    CONTENT_FILTER = "content_filter"
    #: HTTP 200 whose body is an error with a number for its code, as OpenRouter does it.
    ERROR_IN_200 = "error_in_200"
    #: Answered, but later than anybody waits.
    TIMEOUT = "timeout"
    #: Never answered, the connection held open.
    HANG = "hang"
    #: The connection closed before any byte of the answer.
    CUT = "cut"
    #: The connection closed in the middle of the answer.
    CUT_BODY = "cut_body"
    #: HTTP 200, complete, and no JSON.
    MALFORMED = "malformed"
    #: Blank lines for a while before the JSON, as DeepSeek sends them.
    KEEPALIVE = "keepalive"


class Fault(msgspec.Struct, frozen=True):
    """One step: a kind and what was said about it."""

    kind: Kind = Kind.OK
    #: Milliseconds before the first byte, instead of the configured latency.
    latency_ms: float | None = None
    #: Seconds and milliseconds in the `retry-after` and `retry-after-ms` headers.
    retry_after: float | None = None
    retry_after_ms: float | None = None
    #: Milliseconds that `timeout` and `keepalive` take.
    duration_ms: float | None = None
    #: The code inside `error_in_200`.
    code: int | None = None


class Step(msgspec.Struct, frozen=True):
    """A fault and how many attempts in a row it is for; None: all that follow."""

    fault: Fault
    times: int | None = 1


class FaultRate(msgspec.Struct, frozen=True):
    """A fault and the share of attempts that meet it, 0 to 1."""

    fault: Fault
    rate: float


class FaultSyntaxError(ValueError):
    """A fault is spelled in a way that nobody can read; the message says what was expected and what came."""


OK: Final = Fault()
_VALUE_OF: Final = {Kind.TIMEOUT: "duration_ms", Kind.KEEPALIVE: "duration_ms", Kind.ERROR_IN_200: "code"}
_NAMES: Final = {"latency": "latency_ms", "retry_after": "retry_after", "retry_after_ms": "retry_after_ms"}


def parse_fault(text: str) -> Fault:
    """Read one step without its repetition; raises `FaultSyntaxError`.

    >>> parse_fault("429;retry_after=1").retry_after
    1.0
    """
    head, *rest = text.strip().split(";")
    kind, value = _head(head, text)
    given = dict(value)
    for part in rest:
        name, _, number = part.partition("=")
        field = _NAMES.get(name.strip())
        if field is None:
            raise FaultSyntaxError(f"expected one of {', '.join(_NAMES)} after ';', got {part!r} in {text!r}")
        given[field] = _number(number, text)
    if kind is not Kind.RATE_LIMITED and {"retry_after", "retry_after_ms"} & given.keys():
        raise FaultSyntaxError(f"expected retry_after only with 429, got {text!r}")
    code = given.pop("code", None)
    return Fault(kind, code=None if code is None else int(code), **given)


def _head(head: str, text: str) -> tuple[Kind, list[tuple[str, float]]]:
    """Read `kind` or `kind=value`: the kind, and the field that the value is for."""
    name, equals, number = head.partition("=")
    name = name.strip()
    if name == "latency":
        return Kind.OK, [("latency_ms", _number(number, text))]
    try:
        kind = Kind(name)
    except ValueError:
        expected = ", ".join(["latency", *Kind])
        raise FaultSyntaxError(f"expected a fault ({expected}), got {name!r} in {text!r}") from None
    if not equals:
        return kind, []
    if kind not in _VALUE_OF:
        raise FaultSyntaxError(f"expected no value for {kind}, got {text!r}")
    return kind, [(_VALUE_OF[kind], _number(number, text))]


def _number(text: str, step: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise FaultSyntaxError(f"expected a number, 0 or more, got {text!r} in {step!r}")
    return number


def parse_script(text: str) -> tuple[Step, ...]:
    """Read a script; raises `FaultSyntaxError`."""
    return tuple(_step(part) for part in text.split(","))


def _step(text: str) -> Step:
    head, star, times = text.rpartition("*")
    if not star:
        return Step(parse_fault(text))
    if times.strip() and not (times.strip().isdecimal() and int(times) > 0):
        raise FaultSyntaxError(f"expected a count of 1 or more after '*', got {times!r} in {text!r}")
    return Step(parse_fault(head), int(times) if times.strip() else None)


def fault_at(script: Sequence[Step], attempt: int) -> Fault:
    """Return the fault that attempt number `attempt` (from 1) meets."""
    for step in script:
        if step.times is None or attempt <= step.times:
            return step.fault
        attempt -= step.times
    return OK


def parse_rate(text: str) -> FaultRate:
    """Read `STEP=RATE`, as `--fault` takes it; raises `FaultSyntaxError`.

    >>> parse_rate("429;retry_after=1=0.01").rate
    0.01
    """
    step, equals, share = text.rpartition("=")
    if not equals:
        raise FaultSyntaxError(f"expected FAULT=RATE, as 429=0.01, got {text!r}")
    return FaultRate(parse_fault(step), checked_rate(_number(share, text)))


def checked_rate(rate: float) -> float:
    """Return `rate` if it is a share; raises `FaultSyntaxError`."""
    if not 0 <= rate <= 1:
        raise FaultSyntaxError(f"expected a rate from 0 to 1, got {rate}")
    return rate


def checked_rates(rates: Sequence[FaultRate]) -> tuple[FaultRate, ...]:
    """Return `rates` if they leave room for each other; raises `FaultSyntaxError`."""
    total = math.fsum(checked_rate(each.rate) for each in rates)
    if total > 1 + 1e-9:
        raise FaultSyntaxError(f"expected rates whose sum is at most 1, got {total:g}")
    return tuple(rates)


def pick(rates: Sequence[FaultRate], point: float) -> Fault | None:
    """Return the fault in whose share of [0, 1) `point` lies; at most one fault meets an attempt."""
    for each in rates:
        if point < each.rate:
            return each.fault
        point -= each.rate
    return None
