"""What is done about one request: the answer and the fault, put together, before any byte or second is spent."""

from collections.abc import Iterator
from typing import Final

import msgspec

from .config import SimulatorConfig
from .faults import OK, Fault, Kind
from .outcomes import Outcome
from .refusal import Refusal
from .tokens import Usage
from .wires.answer import Answer
from .wires.wire import Error, Occasion, Wire


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


#: The faults that are refusals; those without the last come when an answer would have.
_REFUSALS: Final = frozenset(
    {
        Kind.RATE_LIMITED,
        Kind.QUOTA,
        Kind.CAPACITY,
        Kind.SERVER_ERROR,
        Kind.OVERLOADED,
        Kind.SITE_OVERLOADED,
        Kind.BAD_REQUEST,
        Kind.UNAUTHORIZED,
        Kind.FORBIDDEN,
        Kind.MODEL_NOT_FOUND,
        Kind.CONTEXT_LENGTH,
        Kind.CONTENT_FILTER,
        Kind.ERROR_IN_200,
    }
)
#: The number inside of an error in a 200.
_BAD_GATEWAY: Final = 502


def plan(answer: Answer, fault: Fault, latency_ms: float, config: SimulatorConfig) -> Plan | Refusal:
    """Return what is done with `answer` under `fault`; a request that is refused anyway meets no fault."""
    if answer.refusal is not None:
        return answer.refusal
    if fault is OK:
        return Plan(200, Whole(answer.body), Outcome.SERVED, answer.usage, latency_ms, answer.headers)
    if fault.kind in _REFUSALS:
        return _refusal(answer, fault, config)
    return _faulty(answer, fault, latency_ms, config)


def turned_away(refusal: Refusal, wire: Wire, occasion: Occasion, delay_ms: float = 0.0, fault: Kind = Kind.OK) -> Plan:
    """Return how a refusal is said on a wire."""
    said: Error = wire.refuse(refusal, occasion)
    return Plan(said.status, Whole(said.body), Outcome.ERROR, said.usage, delay_ms, said.headers, fault=fault)


def refusal_delay(fault: Fault, latency_ms: float) -> float:
    """Return how long a refusal takes: no time, unless the fault says otherwise; an error in a 200 takes its own."""
    if fault.latency_ms is not None:
        return fault.latency_ms
    return latency_ms if fault.kind is Kind.ERROR_IN_200 else 0.0


def _faulty(answer: Answer, fault: Fault, latency_ms: float, config: SimulatorConfig) -> Plan:
    """Return what is done about a fault that is not a refusal."""
    delay = _delay(fault, latency_ms, config)
    match fault.kind:
        case Kind.CUT:
            return Plan(0, Cut(b""), Outcome.CUT, None, delay, fault=Kind.CUT)
        case Kind.HANG:
            return Plan(0, Hang(), Outcome.HANG, None, 0.0, fault=Kind.HANG)
        case _:
            delivery, outcome = _work(answer.body, fault, config)
            return Plan(200, delivery, outcome, answer.usage, delay, answer.headers, fault=fault.kind)


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


def _refusal(answer: Answer, fault: Fault, config: SimulatorConfig) -> Refusal:
    given = answer.usage.input if answer.usage else 0
    match fault.kind:
        case Kind.CONTEXT_LENGTH:
            limit = config.context_tokens or given // 2
            return Refusal(kind=fault.kind, param="messages", limit=limit, given=given)
        case Kind.ERROR_IN_200:
            return Refusal(kind=fault.kind, given=fault.code or _BAD_GATEWAY)
        case _:
            return Refusal(kind=fault.kind, model=answer.model)
