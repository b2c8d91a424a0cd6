"""One call: the credential put on, the answer waited for and understood."""

from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from ...routing.http import ATTEMPT_HEADER, REQUEST_HEADER, HttpCall, HttpReply
from ...routing.outcome import Completion, Setback
from ...routing.providers.auth import authorized
from ...routing.providers.families import FAMILIES
from ...routing.target import Target
from ...schemas.failures import Code, failure
from .brakes import signal_of
from .circuits import Circuits
from .clock import Clock
from .gate import Brakes, Entered
from .job import Attempt, Job


class Calls(Protocol):
    """Carries out one HTTP call."""

    async def call(self, call: HttpCall, seconds: float) -> HttpReply | Setback:
        """Return the reply, or what prevented one, within so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls, and tells brakes and circuits how they ended."""

    calls: Calls
    brakes: Brakes
    circuits: Circuits
    clock: Clock

    async def call(self, job: Job, entered: Entered, call: HttpCall, target: Target, name: str, number: int) -> Attempt:
        """Make attempt number `number`, which is called `name`."""
        request, began = job.request, self.clock.now()
        seconds = min(target.timeout, request.deadline_ms / 1000 - began)
        tracing = ((ATTEMPT_HEADER, name), (REQUEST_HEADER, _header_safe(request.id)))
        shown = authorized(call, target.service.auth, target.api_key, tracing)
        outcome = await self.calls.call(shown, max(seconds, 0.001))
        latency = self.clock.now() - began
        result = _understood(outcome, job, target)
        self.brakes.ended(target.id, round(latency * 1_000_000), result, signal_of(outcome, target.provider))
        self.circuits.ended(target, result, alone=len(job.plan.targets) == 1)
        milliseconds = round(latency * 1000)
        return Attempt(name, number, job, target, entered.at_us, milliseconds, result, entered.demand, call.notes)

    def abandoned(self, job: Job, entered: Entered, target: Target, name: str, number: int, began: float) -> Attempt:
        """Return the attempt of a call that was cut off because another one was answered first."""
        latency = self.clock.now() - began
        result = Setback(failure(Code.HEDGED))
        self.brakes.ended(target.id, round(latency * 1_000_000), result, None)
        return Attempt(name, number, job, target, entered.at_us, round(latency * 1000), result, entered.demand)


def _understood(outcome: HttpReply | Setback, job: Job, target: Target) -> Completion | Setback:
    if isinstance(outcome, Setback):
        result: Completion | Setback = outcome
    else:
        result = FAMILIES[target.wire].decode(outcome, job.request, target)
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
