"""The circuits of a target, its deployment's and its credential's, taken together: what the gateway asks and tells."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ...routing.credentials import choose
from ...routing.health.breaker import CLOSED, HALF_OPEN, HalfOpen, Open, Sign, State
from ...routing.health.evidence import CallEnd, Finding, evidence_of
from ...routing.health.rules import credential_name
from ...routing.outcome import Setback
from ...routing.target import Target
from ...schemas.failures import Code
from .port import Changed, Health

#: Seconds until a target is looked at again whose probe is under way: how long that takes, nobody knows.
_LOOK_AGAIN: Final = 0.5
#: A wrong key does not cure itself: where there is no other, each request is told, and none waits.
_WRONG: Final = frozenset({Code.AUTHENTICATION, Code.PERMISSION})


class TargetHealth:
    """Says which targets may be called, and hears of every call that was let go.

    `call` is what nothing else is ever called: the id of the attempt's usage event.
    """

    def __init__(self, health: Health, now_us: Callable[[], int]) -> None:
        """`now_us` is the clock that `health` goes by."""
        self._health = health
        self._now_us = now_us

    def __repr__(self) -> str:
        return f"<TargetHealth of {self._health!r}>"

    def armed(self, target: Target, chance: float) -> Target:
        """Return the target with one of its credentials, by their weights, of those that are not paused."""
        if len(target.credentials) > 1:
            credential = choose(target.credentials, chance, self._is_paused)
            return target if credential is None else replace(target, credential=credential.name)
        return target

    def _is_paused(self, credential: str) -> bool:
        return isinstance(self._health.state(credential_name(credential), self._now_us()), Open)

    def state(self, target: Target) -> State:
        """Return the worse of the two: open until both may be called."""
        now_us, health = self._now_us(), self._health
        deployment = health.state(target.id, now_us)
        credential = self._credential(target, now_us)
        if deployment is CLOSED and credential is CLOSED:
            return CLOSED
        both = (deployment, credential)
        until = [state for state in both if isinstance(state, Open)]
        if until:
            return Open(max(state.until_us for state in until), all(state.probed for state in until))
        return HALF_OPEN if HALF_OPEN in both else CLOSED

    def _credential(self, target: Target, now_us: int) -> State:
        """Return the best of its credentials'."""
        if target.credential or len(target.credentials) <= 1:
            return self._health.state(_credential_of(target), now_us)
        states = [self._health.state(credential_name(each.name), now_us) for each in target.credentials]
        if CLOSED in states or HALF_OPEN in states:
            return CLOSED if CLOSED in states else HALF_OPEN
        first = min((state for state in states if isinstance(state, Open)), key=lambda state: state.until_us)
        return Open(first.until_us, any(isinstance(state, Open) and state.probed for state in states))

    def opens_in(self, target: Target) -> float:
        """Return seconds until a target may be called, or is worth another look; 0: now, perhaps as a probe."""
        state = self.state(target)
        if not isinstance(state, Open):
            return 0.0
        seconds = max(0.0, (state.until_us - self._now_us()) / 1e6)
        return min(seconds, _LOOK_AGAIN) if state.probed else seconds

    def listen(self, changed: Changed) -> None:
        """Call `changed` from now on whenever a circuit has become another one."""
        self._health.listen(changed)

    def is_out(self, target: Target, call: str) -> bool:
        """Say whether a call that was let go and has not been made yet has to wait after all; a probe has not."""
        now_us, health = self._now_us(), self._health
        return any(
            isinstance(health.state(name, now_us), Open) and not health.probes(name, call) for name in _names(target)
        )

    async def may_begin(self, target: Target, call: str, seconds: float) -> bool:
        """Say whether a call may go now, as a probe if need be, which is waited for so many seconds.

        At once and without I/O unless a circuit is half-open. After True, `ended` or `not_begun` has to follow.
        """
        for name in _names(target):
            if not await self._may_pass(name, call, seconds):
                self.not_begun(target, call)
                return False
        return True

    async def _may_pass(self, name: str, call: str, seconds: float) -> bool:
        state = self._health.state(name, self._now_us())
        if isinstance(state, HalfOpen):
            return await self._health.may_probe(name, call, seconds)
        return state is CLOSED

    def not_begun(self, target: Target, call: str) -> None:
        """Hear that a call is not made after all: another one may probe."""
        for name in _names(target):
            self._health.report(name, Sign.NONE, call, 0)

    def ended(self, target: Target, end: CallEnd) -> None:
        """Hear how a call ended."""
        evidence = evidence_of(end.result, cut_short=end.cut_short)
        deployment, credential = _names(target)
        self._tell(deployment, evidence.deployment, end)
        wrong = isinstance(end.result, Setback) and end.result.failure.code in _WRONG
        own = Finding(Sign.NONE) if wrong and end.alone and len(target.credentials) <= 1 else evidence.credential
        self._tell(credential, own, end)

    def _tell(self, name: str, finding: Finding, end: CallEnd) -> None:
        self._health.report(name, finding.sign, end.call, end.began_us, finding.pause)


def _names(target: Target) -> tuple[str, str]:
    return target.id, _credential_of(target)


def _credential_of(target: Target) -> str:
    return credential_name(target.credential or target.provider)
