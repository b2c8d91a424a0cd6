"""One call: the credential put on, the answer waited for and understood."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ...routing.flex import says_nothing
from ...routing.health.evidence import CallEnd
from ...routing.http import ATTEMPT_HEADER, REQUEST_HEADER, HttpCall, HttpReply
from ...routing.outcome import Completion, Setback
from ...routing.providers.auth import authorized, spoken
from ...routing.providers.aws import region_of
from ...routing.providers.families import FAMILIES
from ...routing.providers.fan_out import merged, twin_name
from ...routing.service import Auth
from ...routing.target import Target
from ...schemas.failures import Code, Failure, failure
from .brakes import signal_of
from .circuits import Circuits
from .clock import Clock
from .gate import Brakes, Entered
from .job import Attempt, Job
from .vitals import Vitals


class Calls(Protocol):
    """Carries out one HTTP call."""

    async def call(self, call: HttpCall, seconds: float) -> HttpReply | Setback:
        """Return the reply, or what prevented one, within so many seconds."""
        ...


class Secrets(Protocol):
    """Knows the secrets of credentials, by their names."""

    def secret(self, name: str) -> str | None:
        """Return a credential's secret as it is now, None if there is no such credential."""
        ...


class Signer(Protocol):
    """Signs finished calls, for providers that want a signature and not the secret."""

    def signed(self, call: HttpCall, secret: str, region: str, at: float) -> HttpCall | Failure:
        """Return the call with a signature of unix time `at`, or what is wrong with the secret."""
        ...


class NoSigner:
    """The peer that signs nothing."""

    def signed(self, call: HttpCall, secret: str, region: str, at: float) -> HttpCall | Failure:  # noqa: ARG002 - the port's names
        """Say what is needed."""
        return failure(
            Code.AUTHENTICATION, expected="what signs for AWS: pip install 'headgate[bedrock]'", given="none"
        )


class NoSecrets:
    """The peer that knows none: the target's own is used."""

    def secret(self, name: str) -> str | None:  # noqa: ARG002 - the port's name
        """Know nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls, and tells brakes and circuits how they ended."""

    calls: Calls
    brakes: Brakes
    circuits: Circuits
    clock: Clock
    secrets: Secrets
    vitals: Vitals
    signer: Signer

    async def call(self, job: Job, entered: Entered, call: HttpCall, target: Target, name: str, number: int) -> Attempt:
        """Make attempt number `number`, which is called `name`."""
        request, began = job.request, self.clock.now()
        seconds = min(target.timeout, request.deadline_ms / 1000 - began)
        tracing = ((ATTEMPT_HEADER, name), (REQUEST_HEADER, _header_safe(request.id)))
        secret = self._secret(target)
        shown = self._shown(authorized(call, target.service.auth, secret, tracing), target, secret)
        self.vitals.began(target)
        if call.twins == 1:
            outcome = shown if isinstance(shown, Setback) else await self.calls.call(shown, max(seconds, 0.001))
            result, notes = _understood(outcome, job, target, secret), call.notes
        else:
            asked = [shown, *self._twins(call, target, secret, name, tracing[1])]
            outcomes = await self._all(asked, max(seconds, 0.001))
            one = merged([_understood(each, job, target, secret) for each in outcomes])
            outcome, result, notes = outcomes[one.by], one.result, (*call.notes, *one.notes)
        latency = self.clock.now() - began
        cut_short, alone = seconds < target.timeout, len(job.plan.targets) == 1
        signal = signal_of(outcome, target.listed_as)
        if says_nothing(target, result):
            self.brakes.not_begun(target.id)
            self.circuits.not_begun(target, name)
        else:
            self.brakes.ended(target.id, round(latency * 1_000_000), result, signal)
            self.circuits.ended(target, CallEnd(name, round(began * 1e6), result, cut_short, alone))
        self.vitals.ended(target, latency, result, signal)
        return Attempt(name, number, job, target, entered, round(latency * 1000), result, notes)

    def _twins(
        self, call: HttpCall, target: Target, secret: str | None, name: str, tracing: tuple[str, str]
    ) -> Iterator[HttpCall | Setback]:
        """Yield the calls of an attempt that come beside its first, each with a name of its own."""
        for at in range(1, call.twins):
            headers = ((ATTEMPT_HEADER, twin_name(name, at)), tracing)
            yield self._shown(authorized(call, target.service.auth, secret, headers), target, secret)

    async def _all(self, asked: Sequence[HttpCall | Setback], seconds: float) -> list[HttpReply | Setback]:
        """Make calls at once and wait for the end of each: what was spent is known then. All are cut off with us."""

        async def made(one: HttpCall | Setback) -> HttpReply | Setback:
            return one if isinstance(one, Setback) else await self.calls.call(one, seconds)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(made(one)) for one in asked]
        return [task.result() for task in tasks]

    def _shown(self, call: HttpCall, target: Target, secret: str | None) -> HttpCall | Setback:
        """Return the call as it goes out: signed as of now, where its provider wants that."""
        if target.service.auth is not Auth.SIGV4:
            return call
        region = region_of(target.base_url, target.service.options) or ""
        signed = self.signer.signed(call, secret or "", region, self.clock.now())
        return Setback(signed) if isinstance(signed, Failure) else signed

    def _secret(self, target: Target) -> str | None:
        """Return the secret of the credential that was chosen, as it is now."""
        first = target.credentials[0].name if target.credentials else target.provider
        return self.secrets.secret(target.credential or first) or target.api_key

    def abandoned(self, job: Job, entered: Entered, target: Target, name: str, number: int, began: float) -> Attempt:
        """Return the attempt of a call that was cut off because another one was answered first."""
        latency = self.clock.now() - began
        result = Setback(failure(Code.HEDGED))
        self.brakes.ended(target.id, round(latency * 1_000_000), result, None)
        self.circuits.not_begun(target, name)
        self.vitals.ended(target, latency, result, None)
        return Attempt(name, number, job, target, entered, round(latency * 1000), result)


def _understood(outcome: HttpReply | Setback, job: Job, target: Target, secret: str | None) -> Completion | Setback:
    if isinstance(outcome, Setback):
        result: Completion | Setback = outcome
    else:
        result = FAMILIES[target.wire].decode(outcome, job.request, target)
    if isinstance(result, Completion) or not secret:
        return result
    for each in spoken(target.service.auth, secret):
        result = without_secret(result, each)
    return result


def without_secret(setback: Setback, secret: str) -> Setback:
    """Blot out the credential, which some providers quote in their error, also as JSON escapes it."""
    given, body = setback.failure.given, setback.body
    for spelled in {secret, msgspec.json.encode(secret).decode()[1:-1], secret.replace("/", "\\/")}:
        given = None if given is None else given.replace(spelled, "***")
        body = None if body is None else body.replace(spelled.encode(), b"***")
    return msgspec.structs.replace(setback, failure=msgspec.structs.replace(setback.failure, given=given), body=body)


def _header_safe(text: str) -> str:
    """Make an id fit for a header: ids are the producers' and may hold anything."""
    return text if text.isascii() and text.isprintable() else text.encode().hex()
