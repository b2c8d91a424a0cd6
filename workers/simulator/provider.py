"""The provider that is simulated: what it decides about each request, and what it writes into its books."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from .answers import Answers
from .attempts import Attempts
from .books import Books, Opening, request_id
from .chance import Draw, body_hash, unit
from .config import SimulatorConfig
from .door import Door, TooMany
from .faults import OK, Fault, FaultRate, FaultSyntaxError, fault_at, parse_script, pick
from .http_reader import CLIENT_REQUEST_ID, CONTENT_TYPE, REQUEST, SCRIPT, HttpRequest
from .latency import latency_ms
from .outages import Outages
from .outcomes import Outcome
from .plan import Plan, plan, refusal_delay, turned_away
from .refusal import TOO_MANY, Refusal, invalid
from .wires.answer import Answer, refused
from .wires.switchboard import Called
from .wires.wire import Occasion, Wire

#: So many hexadecimal digits of its body's SHA-256 name a request that does not say its name.
_NAME_DIGITS: Final = 32


class Job(msgspec.Struct, frozen=True, gc=False):
    """A request and what is done about it; `books` is None for what is no attempt."""

    plan: Plan
    books: Books | None = None
    number: int = 0
    #: The header lines that name the attempt.
    identity: bytes = b""

    def done(self) -> None:
        """Write down that the plan was carried out."""
        if self.books is not None:
            self.books.close(self.number, self.plan.outcome, self.plan.status, self.plan.usage)

    def abandoned(self) -> None:
        """Write down that the connection ended before; the work was done, so it is billed."""
        if self.books is None:
            return
        outcome = Outcome.HANG if self.plan.outcome is Outcome.HANG else Outcome.CLIENT_GONE
        self.books.close(self.number, outcome, 0, self.plan.usage)


class Provider:
    """Decides. Holds what lasts from one request to the next: the books, the attempts, the outages, the limit."""

    def __init__(
        self,
        config: SimulatorConfig,
        unix_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.books = Books()
        self.outages = Outages()
        self.monotonic = monotonic
        self._unix_ns = unix_ns
        self._answers = Answers(config)
        self._attempts = Attempts()
        # Most simulators have none, and they are asked to be quick.
        self._door = Door(config) if config.api_key or config.max_requests_per_second else None

    def reset(self) -> None:
        """Begin new books and count attempts from one; what is under way is closed in the old ones."""
        self.books = Books(self.books.next)
        self._attempts.clear()

    def attempt(self, called: Called, request: HttpRequest) -> Job:
        """Decide what is done about a request, and open its line in the books."""
        digest = body_hash(request.body)
        numbers = self._answers.draw(digest, called.model)
        answer = self._answers.write(called, request.body, numbers, request.headers.get(CONTENT_TYPE, b""))
        if SCRIPT in request.headers and answer.refusal is None:
            answer = _scripted(answer, request.headers[SCRIPT])
        name = request.headers.get(REQUEST) or digest.hex()[:_NAME_DIGITS].encode()
        operation = called.operation
        # The id is asked for before the line is opened: opening it moves the number on.
        answer_id = request_id(self.books.next)
        chosen = self._turned_away(request, operation.wire, answer_id) or self._plan(
            answer, name, numbers, operation.wire, answer_id
        )
        client = request.headers.get(CLIENT_REQUEST_ID, b"")
        opening = Opening(client, name, operation.path, answer.model, chosen.fault, self._unix_ns())
        identity = operation.wire.identify(answer_id, chosen.delay_ms)
        return Job(chosen, self.books, self.books.open(opening), identity)

    def _turned_away(self, request: HttpRequest, wire: Wire, answer_id: str) -> Plan | None:
        """Return what is answered at the door."""
        stopped = None if self._door is None else self._door.stops(request.headers, wire.key_headers, self.monotonic)
        if stopped is None:
            return None
        if isinstance(stopped, TooMany):
            occasion = Occasion(answer_id, retry_after=stopped.seconds, retry_after_ms=stopped.milliseconds)
            return turned_away(TOO_MANY, wire, occasion)
        return turned_away(stopped, wire, Occasion(answer_id))

    def _plan(self, answer: Answer, name: bytes, numbers: Draw, wire: Wire, answer_id: str) -> Plan:
        """Decide, and say what is refused as the wire says it."""
        fault = OK if answer.refusal is not None else self._fault(answer, name, numbers)
        latency = latency_ms(self.config.latency, unit(numbers.latency))
        chosen = plan(answer, fault, latency, self.config)
        if isinstance(chosen, Refusal):
            occasion = Occasion(answer_id, answer, fault.retry_after, fault.retry_after_ms)
            return turned_away(chosen, wire, occasion, refusal_delay(fault, latency), fault.kind)
        return chosen

    def _fault(self, answer: Answer, name: bytes, numbers: Draw) -> Fault:
        """Ask the script, which decides alone; without one the outages, then the configured rates."""
        if answer.script:
            return fault_at(answer.script, self._attempts.next(name))
        outages = self.outages.now(self.monotonic())
        if not outages and not self.config.faults:
            return OK
        attempt = self._attempts.next(name)
        rates = [FaultRate(each.fault, each.rate) for each in outages]
        found = pick(rates, unit(numbers.branch(f"outage {attempt}").name))
        return found or pick(self.config.faults, unit(numbers.branch(f"fault {attempt}").name)) or OK


def _scripted(answer: Answer, script: bytes) -> Answer:
    """Return an answer with the script of a header, which is stronger than that of the body."""
    try:
        return msgspec.structs.replace(answer, script=parse_script(script.decode("latin-1")))
    except FaultSyntaxError as error:
        return refused(invalid("X-Headgate-Simulate", f"Invalid fault script: {error}."), answer.model)
