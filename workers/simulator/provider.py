"""The provider that is simulated: what it decides about each request, and what it writes into its books."""

import hmac
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.request import Endpoint
from .answer import Answer
from .answers import Answers
from .attempts import Attempts
from .books import Books, Opening, request_id
from .chance import Draw, body_hash, unit
from .config import SimulatorConfig
from .faults import OK, Fault, FaultRate, Kind, fault_at, pick
from .http_reader import AUTHORIZATION, CLIENT_REQUEST_ID, REQUEST, HttpRequest
from .latency import latency_ms
from .limiter import Limiter
from .outages import Outages
from .outcomes import Outcome
from .plan import Plan, Whole, plan, retry_headers
from .refusals import OF_FAULT, Refusal

ENDPOINTS: Final = MappingProxyType({endpoint.value.encode(): endpoint for endpoint in Endpoint})

#: So many hexadecimal digits of its body's SHA-256 name a request that does not say its name.
_NAME_DIGITS: Final = 32


class Job(msgspec.Struct, frozen=True, gc=False):
    """A request and what is done about it; `books` is None for what is no attempt."""

    plan: Plan
    books: Books | None = None
    number: int = 0
    request_id: str = ""

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
        rate = config.max_requests_per_second
        self._limiter = None if rate is None else Limiter(rate)
        self._bearer = None if config.api_key is None else f"Bearer {config.api_key}".encode()

    def reset(self) -> None:
        """Begin new books and count attempts from one; what is under way is closed in the old ones."""
        self.books = Books(self.books.next)
        self._attempts.clear()

    def attempt(self, endpoint: Endpoint, request: HttpRequest) -> Job:
        """Decide what is done about a request, and open its line in the books."""
        digest = body_hash(request.body)
        numbers = self._answers.draw(digest)
        answer = self._answers.write(endpoint, request.body, numbers)
        name = request.headers.get(REQUEST) or digest.hex()[:_NAME_DIGITS].encode()
        chosen = self._turned_away(request) or self._planned(answer, name, numbers)
        client = request.headers.get(CLIENT_REQUEST_ID, b"")
        opening = Opening(client, name, endpoint, answer.model, chosen.fault, self._unix_ns())
        # The id is asked for before the line is opened: opening it moves the number on.
        answer_id = request_id(self.books.next)
        return Job(chosen, self.books, self.books.open(opening), answer_id)

    def _turned_away(self, request: HttpRequest) -> Plan | None:
        """Return what is answered at the door: a wrong key, or too many requests."""
        shown = request.headers.get(AUTHORIZATION, b"")
        if self._bearer is not None and not hmac.compare_digest(shown, self._bearer):
            return _error(OF_FAULT[Kind.UNAUTHORIZED])
        wait = 0.0 if self._limiter is None else self._limiter.wait(self.monotonic())
        if not wait:
            return None
        seconds = float(-(-wait // 1))
        return _error(OF_FAULT[Kind.RATE_LIMITED], retry_headers(seconds, float(-(-wait * 1000 // 1))))

    def _planned(self, answer: Answer, name: bytes, numbers: Draw) -> Plan:
        fault = OK if answer.usage is None else self._fault(answer, name, numbers)
        latency = latency_ms(self.config.latency, unit(numbers.latency))
        return plan(answer, fault, latency, self.config)

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


def _error(refusal: Refusal, headers: bytes = b"") -> Plan:
    return Plan(refusal.status, Whole(refusal.body), Outcome.ERROR, headers=headers)
