"""One request's attempts, from the first call to the last: decisions from `routing`, execution by tenacity."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec
from tenacity import AsyncRetrying, retry_if_result, stop_never

from ...routing.http import ATTEMPT_HEADER, REQUEST_HEADER, HttpCall, HttpReply
from ...routing.providers import openai
from ...routing.providers.openai import Completion
from ...routing.retry import Again, GiveUp, Setback, TooLate, decide
from ...routing.target import Plan, Target
from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Request
from ...schemas.usage import event_id
from ..journal.port import Run
from .answers import Attempt


class Calls(Protocol):
    """Carries out one HTTP call."""

    async def call(self, call: HttpCall, seconds: float) -> HttpReply | Setback:
        """Return the reply, or what prevented one, within so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, sleep and chance, as parameters."""

    #: Unix seconds.
    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    #: Uniform in [0, 1).
    chance: Callable[[], float] = lambda: 0.5

    def now_us(self) -> int:
        """Return unix microseconds."""
        return int(self.now() * 1e6)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request's attempts ended."""

    run: Run
    last: Attempt
    #: Set when something other than the last attempt's own failure is the reason.
    end: Failure | None = None


#: What follows an attempt.
Verdict = Again | GiveUp | TooLate

#: Hears of an attempt that failed and will be followed by another, and of the run that the next one belongs to.
Followed = Callable[[Attempt, Run], Awaitable[None]]


class Attempts:
    """Makes the attempts of requests; holds nothing of any one of them."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock

    async def run(self, request: Request, plan: Plan, run: Run, followed: Followed) -> Ended:
        """Try until an answer, a final failure, or the deadline. The run's first attempt is already written down."""
        return await _Trying(self._calls, self._clock, request, plan, followed, run).execute()


@dataclass(slots=True)
class _Trying:
    """One request being tried."""

    calls: Calls
    clock: Clock
    request: Request
    plan: Plan
    followed: Followed
    run: Run

    async def execute(self) -> Ended:
        last = await self._attempt(1)
        verdict = self._verdict(last)
        if isinstance(verdict, Again):
            last, verdict = await self._retry(last, verdict)
        return _ended(self.run, last, verdict)

    async def _retry(self, last: Attempt, verdict: Verdict) -> tuple[Attempt, Verdict]:
        """Let tenacity wait and call; what to wait, and when to stop, is in the verdicts."""
        so_far = (last, verdict)

        async def again() -> Verdict:
            nonlocal so_far
            following = await self._next(so_far[0])
            so_far = (following, self._verdict(following))
            return so_far[1]

        await self.clock.sleep(_seconds(verdict))
        await AsyncRetrying(
            retry=retry_if_result(lambda said: isinstance(said, Again)),
            wait=lambda _: _seconds(so_far[1]),
            stop=stop_never,
            sleep=self.clock.sleep,
        )(again)
        return so_far

    async def _next(self, failed: Attempt) -> Attempt:
        """Make the attempt after `failed`, which is published, and the new one written down, before it begins."""
        number = failed.number + 1
        self.run = replace(self.run, attempts=(*self.run.attempts, self.plan.target(number).id))
        await self.followed(failed, self.run)
        return await self._attempt(number)

    async def _attempt(self, number: int) -> Attempt:
        target = self.plan.target(number)
        began = self.clock.now_us()
        seconds = min(target.timeout, self.request.deadline_ms / 1000 - began / 1e6)
        name = event_id(self.run.id, number)
        tracing = ((ATTEMPT_HEADER, name), (REQUEST_HEADER, _header_safe(self.request.id)))
        outcome = await self.calls.call(openai.encode(self.request, target, tracing), max(seconds, 0.001))
        return Attempt(name, number, target, began, self.clock.now_us(), _understood(outcome, self.request, target))

    def _verdict(self, attempt: Attempt) -> Verdict:
        if isinstance(attempt.result, Completion):
            return GiveUp()
        remaining = self.request.deadline_ms / 1000 - self.clock.now()
        return decide(attempt.result, attempt.number, self.plan.policy, remaining, self.clock.chance())


def _seconds(verdict: Verdict) -> float:
    return verdict.seconds if isinstance(verdict, Again) else 0.0


def _ended(run: Run, last: Attempt, verdict: Verdict) -> Ended:
    if not isinstance(verdict, TooLate):
        return Ended(run, last)
    expected = f"a deadline at least {verdict.seconds:.3g} s later"
    given = last.result.failure.message if isinstance(last.result, Setback) else None
    return Ended(run, last, failure(Code.DEADLINE_EXCEEDED, expected=expected, given=given))


def _understood(outcome: HttpReply | Setback, request: Request, target: Target) -> Completion | Setback:
    result = outcome if isinstance(outcome, Setback) else openai.decode(outcome, request.endpoint)
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
