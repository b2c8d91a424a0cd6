"""One request's attempts, from the first to the last: decisions from `routing`, execution by tenacity."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec
from tenacity import AsyncRetrying, retry_if_result, stop_never

from ...routing.admission.step import Park, Refuse
from ...routing.http import ATTEMPT_HEADER, REQUEST_HEADER, HttpCall, HttpReply
from ...routing.outcome import Completion, Setback
from ...routing.providers.auth import authorized
from ...routing.providers.families import FAMILIES
from ...routing.retry import Again, GiveUp, TooLate, decide
from ...routing.target import Target
from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Request
from ...schemas.usage import event_id
from ..journal.claims import Claim, Run
from .brakes import signal_of
from .clock import Clock
from .gate import Brakes, Entered, Gate
from .job import Attempt, Ended, Job, Left
from .tolls import Tolls


class Calls(Protocol):
    """Carries out one HTTP call."""

    async def call(self, call: HttpCall, seconds: float) -> HttpReply | Setback:
        """Return the reply, or what prevented one, within so many seconds."""
        ...


#: Hears of an attempt that failed and will be followed by another.
Followed = Callable[[Attempt], None]


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes the attempts of requests; holds nothing of any one of them."""

    calls: Calls
    gate: Gate
    brakes: Brakes
    tolls: Tolls
    clock: Clock
    #: Seconds; longer waits between attempts are spent outside memory.
    wait_in_memory: float = 10.0

    async def run(self, job: Job, claim: Claim, so_far: Left | None, followed: Followed) -> Ended | Left:
        """Try until an answer, a final failure, or the deadline; or until the request has to leave.

        `so_far` is set when it has left for another model: its attempts are counted on.
        """
        trying = _Trying(self, job, claim, followed, claim.run)
        if so_far is not None:
            trying.run, trying.made = so_far.run, so_far.made
        try:
            return await trying.execute()
        except _Leaving as leaving:
            return leaving.outcome


class _Leaving(Exception):  # noqa: N818 - it is no error; it ends tenacity's loop
    """The request leaves from the gate, not from an attempt."""

    def __init__(self, outcome: Ended | Left) -> None:
        super().__init__(outcome)
        self.outcome = outcome


#: What follows an attempt.
_Verdict = Again | GiveUp | TooLate


@dataclass(slots=True)
class _Trying:
    """One request being tried."""

    parts: Attempts
    job: Job
    claim: Claim
    followed: Followed
    run: Run
    #: Attempts that were let in, in this run.
    made: int = 0
    last: Attempt | None = None
    began_us: int = 0

    async def execute(self) -> Ended | Left:
        verdict = await self._try()
        if isinstance(verdict, Again):
            verdict = await self._retry(verdict)
        return self._ended(verdict)

    async def _retry(self, verdict: _Verdict) -> _Verdict:
        """Let tenacity wait and try; what to wait, and when to stop, is in the verdicts."""
        so_far = verdict

        async def again() -> _Verdict:
            nonlocal so_far
            so_far = await self._try()
            return so_far

        await self._pause(_seconds(so_far))
        await AsyncRetrying(
            retry=retry_if_result(lambda said: isinstance(said, Again)),
            wait=lambda _: _seconds(so_far),
            stop=stop_never,
            sleep=self._pause,
        )(again)
        return so_far

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, outside memory if it is long; the failed one is published meanwhile."""
        if seconds > self.parts.wait_in_memory:
            due_us = self.parts.gate.now_us() + round(seconds * 1_000_000)
            raise _Leaving(Left(self.run, self.made, self.last, Park(due_us)))
        if self.last is not None:
            self.followed(self.last)
            self.last = replace(self.last, published=True)
        await self.parts.clock.sleep(seconds)

    async def _try(self) -> _Verdict:
        """Make the next attempt and judge it."""
        number = self.made + 1
        target = self.job.plan.target(number)
        call = FAMILIES[target.wire].encode(self.job.request, target)
        if isinstance(call, Failure):
            raise _Leaving(Ended(self.run, self.last, call, self.began_us))
        entered = await self._enter(target)
        name = event_id(self.run.id, number)
        try:
            self.last = await self._call(name, number, target, entered, call)
        finally:
            self.parts.gate.left(target.id, entered.demand)
        self.parts.tolls.over(self.job, self.last)
        return self._verdict(self.last)

    async def _enter(self, target: Target) -> Entered:
        """Wait at the gate; once through, the attempt is written down in the journal."""
        begun = (*self.run.attempts[: self.made], target.id)
        passage = await self.parts.gate.enter(self.parts.tolls.ask(self.job, self.claim, target, begun))
        if isinstance(passage, Entered):
            self.run = Run(self.run.id, passage.at_us, begun)
            self.made += 1
            self.began_us = self.began_us or passage.at_us
            return passage
        if isinstance(passage, Refuse):
            raise _Leaving(Ended(self.run, self.last, passage.failure, self.began_us))
        raise _Leaving(Left(self.run, self.made, self._unpublished(), passage))

    def _unpublished(self) -> Attempt | None:
        return None if self.last is None or self.last.published else self.last

    async def _call(self, name: str, number: int, target: Target, entered: Entered, call: HttpCall) -> Attempt:
        clock, request = self.parts.clock, self.job.request
        began = clock.now()
        seconds = min(target.timeout, request.deadline_ms / 1000 - began)
        tracing = ((ATTEMPT_HEADER, name), (REQUEST_HEADER, _header_safe(request.id)))
        shown = authorized(call, target.service.auth, target.api_key, tracing)
        outcome = await self.parts.calls.call(shown, max(seconds, 0.001))
        latency = clock.now() - began
        result = _understood(outcome, request, target)
        self.parts.brakes.ended(target.id, round(latency * 1_000_000), result, signal_of(outcome, target.provider))
        return Attempt(name, number, target, entered.at_us, round(latency * 1000), result, entered.demand)

    def _verdict(self, attempt: Attempt) -> _Verdict:
        if isinstance(attempt.result, Completion):
            return GiveUp()
        remaining = self.job.request.deadline_ms / 1000 - self.parts.clock.now()
        made = attempt.number + self.job.made
        return decide(attempt.result, made, self.job.plan.policy, remaining, self.parts.clock.chance())

    def _ended(self, verdict: _Verdict) -> Ended:
        if not isinstance(verdict, TooLate):
            return Ended(self.run, self.last, None, self.began_us)
        expected = f"a deadline at least {verdict.seconds:.3g} s later"
        last = self.last
        given = last.result.failure.message if last is not None and isinstance(last.result, Setback) else None
        end = failure(Code.DEADLINE_EXCEEDED, expected=expected, given=given)
        return Ended(self.run, last, end, self.began_us)


def _seconds(verdict: _Verdict) -> float:
    return verdict.seconds if isinstance(verdict, Again) else 0.0


def _understood(outcome: HttpReply | Setback, request: Request, target: Target) -> Completion | Setback:
    result = outcome if isinstance(outcome, Setback) else FAMILIES[target.wire].decode(outcome, request, target)
    return result if isinstance(result, Completion) else _without_secret(result, target)


def _without_secret(setback: Setback, target: Target) -> Setback:
    """Blot out the credential, which some providers quote in their error."""
    secret = target.api_key
    if not secret:
        return setback
    given, body = setback.failure.given, setback.body
    if given is not None and secret in given:
        setback = replace(setback, failure=msgspec.structs.replace(setback.failure, given=given.replace(secret, "***")))
    if body is not None and secret.encode() in body:
        setback = replace(setback, body=body.replace(secret.encode(), b"***"))
    return setback


def _header_safe(text: str) -> str:
    """Make an id fit for a header: ids are the producers' and may hold anything."""
    return text if text.isascii() and text.isprintable() else text.encode().hex()
