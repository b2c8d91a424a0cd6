"""What is done about one request: the answer and the fault, put together, before any byte or second is spent."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from . import refusals
from .answer import Answer
from .config import SimulatorConfig
from .faults import OK, Fault, Kind
from .outcomes import Outcome
from .tokens import Usage


class Whole(msgspec.Struct, frozen=True, gc=False):
    """The body in one piece."""

    body: bytes


class Trickle(msgspec.Struct, frozen=True, gc=False):
    """Blank lines for `for_ms`, one every `every_ms`, then the body."""

    body: bytes
    for_ms: float
    every_ms: float


class Cut(msgspec.Struct, frozen=True, gc=False):
    """The connection closed: behind the first half of `body`, or before any byte if there is none."""

    body: bytes


class Hang(msgspec.Struct, frozen=True, gc=False):
    """Nothing, for ever."""


class Stream(msgspec.Struct, frozen=True):
    """A body too large to hold, in chunks."""

    chunks: Iterator[bytes]


Delivery = Whole | Trickle | Cut | Hang | Stream


class Plan(msgspec.Struct, frozen=True, gc=False):
    """How one request is answered, and how the books say that it ended if the client stays until then."""

    status: int
    delivery: Delivery
    outcome: Outcome
    #: What the provider bills, whether or not the client stays; None: nothing.
    usage: Usage | None = None
    #: Milliseconds from the request to the first byte.
    delay_ms: float = 0.0
    #: Header lines beside those that every answer has, each with its end of line.
    headers: bytes = b""
    content_type: bytes = b"application/json"
    fault: Kind = Kind.OK


def plan(answer: Answer, fault: Fault, latency_ms: float, config: SimulatorConfig) -> Plan:
    """Return what is done with `answer` under `fault`; a request that is refused anyway meets no fault."""
    if answer.usage is None:
        return Plan(answer.status, Whole(answer.body), Outcome.ERROR)
    if fault is OK:
        return Plan(200, Whole(answer.body), Outcome.SERVED, answer.usage, latency_ms)
    refusal = _refusal(answer, fault, config)
    return _faulty(answer, fault, latency_ms, config) if refusal is None else _refused(refusal, fault)


def _faulty(answer: Answer, fault: Fault, latency_ms: float, config: SimulatorConfig) -> Plan:
    """Return what is done about a fault that is not a refusal."""
    delay = _delay(fault, latency_ms, config)
    match fault.kind:
        case Kind.CUT:
            return Plan(0, Cut(b""), Outcome.CUT, None, delay, fault=Kind.CUT)
        case Kind.HANG:
            return Plan(0, Hang(), Outcome.HANG, None, 0.0, fault=Kind.HANG)
        case Kind.ERROR_IN_200:
            return Plan(200, Whole(_error_in_200(fault)), Outcome.ERROR, None, delay, fault=Kind.ERROR_IN_200)
        case _:
            delivery, outcome = _work(answer.body, fault, config)
            return Plan(200, delivery, outcome, answer.usage, delay, fault=fault.kind)


def _work(body: bytes, fault: Fault, config: SimulatorConfig) -> tuple[Delivery, Outcome]:
    """Return how an answer that was worked for, and is billed, goes out."""
    match fault.kind:
        case Kind.CUT_BODY:
            return Cut(body), Outcome.CUT_BODY
        case Kind.MALFORMED:
            return Whole(body[: len(body) // 2]), Outcome.MALFORMED
        case Kind.KEEPALIVE:
            lasts = config.keepalive_ms if fault.duration_ms is None else fault.duration_ms
            return Trickle(body, lasts, config.keepalive_every_ms), Outcome.SERVED
        case _:
            return Whole(body), Outcome.SERVED


def _delay(fault: Fault, latency_ms: float, config: SimulatorConfig) -> float:
    if fault.latency_ms is not None:
        return fault.latency_ms
    match fault.kind:
        case Kind.TIMEOUT:
            return config.timeout_ms if fault.duration_ms is None else fault.duration_ms
        case Kind.KEEPALIVE:
            return 0.0
        case _:
            return latency_ms


def _refusal(answer: Answer, fault: Fault, config: SimulatorConfig) -> refusals.Refusal | None:
    match fault.kind:
        case Kind.MODEL_NOT_FOUND:
            return refusals.model_not_found(answer.model)
        case Kind.CONTEXT_LENGTH:
            given = answer.usage.input if answer.usage else 0
            return refusals.context_length(config.context_tokens or given // 2, given, "messages")
        case _:
            return refusals.OF_FAULT.get(fault.kind)


def _refused(refusal: refusals.Refusal, fault: Fault) -> Plan:
    """Refusals are quick: they wait only if the fault says so."""
    headers = retry_headers(fault.retry_after, fault.retry_after_ms)
    return Plan(
        refusal.status,
        Whole(refusal.body),
        Outcome.ERROR,
        None,
        fault.latency_ms or 0.0,
        headers,
        fault=fault.kind,
    )


def retry_headers(seconds: float | None, milliseconds: float | None) -> bytes:
    """Return the header lines that say when to come back: whole seconds, milliseconds, or both."""
    lines = b"" if seconds is None else b"retry-after: %a\r\n" % _number(seconds)
    return lines if milliseconds is None else lines + b"retry-after-ms: %a\r\n" % _number(milliseconds)


def _number(number: float) -> float:
    return int(number) if number == int(number) else number


#: What OpenRouter says about an upstream that failed after the status line was sent.
_UPSTREAM: Final = MappingProxyType({429: "Provider is rate limited", 503: "Provider is overloaded"})


def _error_in_200(fault: Fault) -> bytes:
    code = fault.code or 502
    message = _UPSTREAM.get(code, "Provider returned error")
    return msgspec.json.encode(
        {"error": {"message": message, "code": code, "metadata": {"provider_name": "simulator"}}}
    )
