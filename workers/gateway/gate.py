"""The gate: where requests wait until they may spend. Each waits in its own task; their questions go together."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from ...routing.admission.demand import Demand
from ...routing.admission.line import Lines
from ...routing.admission.step import Again, Drop, Elsewhere, Park, Pause, Queue, Refuse, Standing, step
from ...routing.admission.subject import is_keys_own
from ...routing.admission.verdict import Busy, Go, Paused, Stale, Verdict, Wait
from ...routing.outcome import Completion, Setback
from ...routing.providers.signals import RateSignal
from ...schemas.failures import Code, failure
from ...schemas.request import Request
from .asking import Ask
from .batcher import Batcher
from .queues import Queues
from .store_clock import StoreClock
from .toll import Toll

_log = logging.getLogger(__name__)

#: How long nobody asks when nobody may spend: each for itself, so the more they are the longer, up to ten times.
_PAUSE: Final = 0.1
_FEW: Final = 100
_LONGEST_PAUSE: Final = 1.0
#: How often queues are looked through.
_TICK: Final = 0.05
_US: Final = 1_000_000


class Acquires(Protocol):
    """The part of admission that the gate needs."""

    async def acquire(self, demands: Sequence[Demand]) -> Sequence[Verdict]:
        """Answer each demand, in order."""
        ...

    def cancel(self, demand: Demand, ticket_us: int) -> None:
        """Give back a slot that will not be used."""
        ...


class Brakes(Protocol):
    """How many calls a deployment takes at the moment, as this worker has learned it."""

    def may_begin(self, deployment: str) -> bool:
        """Say whether one more call may begin; if so, it counts as begun."""
        ...

    def crawls(self, deployment: str) -> bool:
        """Say whether it takes less than one call at a time, and none now."""
        ...

    def resume_us(self, deployment: str) -> int:
        """Return until when its provider has asked to be left alone, by this worker's clock; 0 if it has not."""
        ...

    def begin_anew(self, deployment: str) -> None:
        """Hear that a deployment is well again that was out: what was learned while it failed says nothing."""
        ...

    def not_begun(self, deployment: str) -> None:
        """Take back what `may_begin` has counted."""
        ...

    def ended(self, deployment: str, latency_us: int, result: Completion | Setback, signal: RateSignal | None) -> None:
        """Hear how a call ended."""
        ...


@dataclass(frozen=True, slots=True)
class GateRules:
    """How long and how many may wait in memory."""

    #: Seconds.
    wait_in_memory: float = 10.0
    #: Requests of one key; more leave memory.
    waiting_per_key: int = 500


class Entered(msgspec.Struct, frozen=True):
    """Call now: everything is taken."""

    #: When it was let in, unix microseconds by the store's clock: the attempt's time in the ledger. It lies in the same
    #: windows as the moment that the demand was made for, or the answer would have been `Stale`.
    at_us: int
    demand: Demand
    toll: Toll


class Out(msgspec.Struct, frozen=True):
    """Its deployment may not be called any more: nothing is taken, and there may be another way."""


#: How a request leaves the gate.
Passage = Entered | Park | Refuse | Elsewhere | Drop | Out

_CANCELLED: Final = Refuse(failure(Code.CANCELLED))
_OUT: Final = Out()


class Gate:
    """Lets requests through, one attempt at a time."""

    def __init__(  # noqa: PLR0913 - each of them is somebody else's
        self,
        admission: Acquires,
        brakes: Brakes,
        rules: GateRules,
        *,
        now_us: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        is_cancelled: Callable[[Request], bool] = lambda _: False,
        lines: Lines,
    ) -> None:
        self._admission = admission
        self._brakes = brakes
        self._rules = rules
        self._in_memory_us = round(rules.wait_in_memory * _US)
        self._clock = StoreClock(now_us)
        self._own_now_us = now_us
        self._sleep = sleep
        self._is_cancelled = is_cancelled
        self._asleep: set[Ask] = set()
        self._asking = Batcher(admission.acquire)
        self._queues = Queues(self.now_us)
        self._lines = lines
        self._waiting: Counter[str] = Counter()
        self._ticking: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Gate {self.waiting} waiting, {self._queues!r}>"

    @property
    def waiting(self) -> int:
        """Requests that wait here."""
        return self._waiting.total()

    def now_us(self) -> int:
        """Return the time by the store's clock, as near as it is known."""
        return self._clock.now_us()

    async def enter(self, ask: Ask) -> Passage:
        """Wait until the attempt may be made, or until it is known that it has to leave."""
        while not self._is_cancelled(ask.request):
            demand, verdict = await self._ask(ask, self.now_us())
            if isinstance(verdict, Go):
                return Entered(verdict.at_us, demand, ask.toll)
            if ask.is_out():
                return self._gone(ask, demand, verdict)
            following = step(verdict, self._standing(ask, verdict))
            if isinstance(following, Park | Refuse | Elsewhere | Drop):
                self._leave(following, verdict, ask, demand)
                return following
            if not await self._wait_for(following, ask):
                self._give_back(ask, demand)
                return _CANCELLED if self._is_cancelled(ask.request) else _OUT
        return _CANCELLED

    def _gone(self, ask: Ask, demand: Demand, verdict: Verdict) -> Out:
        if isinstance(verdict, Wait):
            ask.ticket_us = verdict.ticket_us
        self._give_back(ask, demand)
        return _OUT

    async def try_enter(self, ask: Ask) -> Entered | None:
        """Let an attempt through that need not be made: now, or not at all."""
        demand, verdict = await self._ask(ask, self.now_us())
        if isinstance(verdict, Go):
            return Entered(verdict.at_us, demand, ask.toll)
        if isinstance(verdict, Wait):
            self._admission.cancel(demand, verdict.ticket_us)
        return None

    async def _wait_for(self, following: Again | Queue | Pause, ask: Ask) -> bool:
        match following:
            case Again(seconds, ticket_us):
                ask.ticket_us = ask.ticket_us if ticket_us is None else ticket_us
                return await self._sleep_for(ask, seconds)
            case Queue(limit):
                return await self._queue(ask, limit)
            case Pause():
                return await self._sleep_for(ask, min(_PAUSE * max(1.0, self.waiting / _FEW), _LONGEST_PAUSE))

    def _leave(self, way: Park | Refuse | Elsewhere | Drop, verdict: Verdict, ask: Ask, demand: Demand) -> None:
        if isinstance(way, Park) and isinstance(verdict, Busy):
            self._queues.parked(verdict.limit, way.due_us)
        if isinstance(way, Park) and isinstance(verdict, Wait) and is_keys_own(verdict.limit):
            self._lines.reserved(ask.request.key, ask.request.lane, verdict.ticket_us)
        if isinstance(verdict, Paused):
            self._give_back(ask, demand)

    def left(self, deployment: str, demand: Demand) -> None:
        """Hear that a call is over: whoever waits for its place may ask."""
        limits = [limit.name for limit in demand.parallel] * demand.calls
        self._queues.freed((*limits, _brake(deployment)))

    def cancelled(self) -> None:
        """Hear that requests were cancelled: those that wait here leave."""
        for ask in [ask for ask in self._asleep if self._is_cancelled(ask.request)]:
            ask.wakeup(ends=True)

    def circuits_changed(self) -> None:
        """Hear that deployments are out, or back: those leave that wait here to call one that is out."""
        for ask in [ask for ask in self._asleep if ask.is_out()]:
            ask.wakeup(ends=True)

    def _give_back(self, ask: Ask, demand: Demand) -> None:
        if ask.ticket_us is not None:
            self._admission.cancel(demand, ask.ticket_us)

    async def _ask(self, ask: Ask, now: int) -> tuple[Demand, Verdict]:
        earliest = now + self._in_memory_us if self._crowded(ask) else 0
        demand = ask.demand(now, ask.ticket_us, earliest)
        verdict = await self._acquire(ask, demand)
        if ask.woken_for is not None:
            self._queues.asked(ask, went=isinstance(verdict, Go))
        return demand, verdict

    async def _acquire(self, ask: Ask, demand: Demand) -> Verdict:
        if not self._brakes.may_begin(ask.deployment):
            return self._braked(ask.deployment)
        if ask.marked:
            return Go(self.now_us())
        asked_us = self._own_now_us()
        verdict = await self._asking.ask(demand)
        if isinstance(verdict, Go | Wait | Stale):
            self._clock.heard(verdict.at_us if isinstance(verdict, Go) else verdict.now_us, asked_us)
        if not isinstance(verdict, Go):
            self._brakes.not_begun(ask.deployment)
        return verdict

    def _braked(self, deployment: str) -> Busy | Paused:
        resume_us = self._brakes.resume_us(deployment)
        brake = _brake(deployment)
        return Paused(brake, self._clock.of(resume_us)) if resume_us > self._own_now_us() else Busy(brake)

    def _crowded(self, ask: Ask) -> bool:
        return ask.ticket_us is None and self._waiting[ask.request.key] >= self._rules.waiting_per_key

    def _standing(self, ask: Ask, verdict: Verdict) -> Standing:
        crowded = isinstance(verdict, Busy) and self._crowded(ask)
        return Standing(
            self.now_us(),
            ask.deadline_us,
            self._in_memory_us,
            self._queues.backlog_us(verdict.limit) if crowded and isinstance(verdict, Busy) else None,
            ask.at_limit,
        )

    async def _queue(self, ask: Ask, limit: str) -> bool:
        self._queues.join(limit, ask)
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick())
        awake = await self._wait(ask)
        if not awake:
            self._queues.leave(limit, ask)
        return awake

    async def _sleep_for(self, ask: Ask, seconds: float) -> bool:
        async def ring() -> None:
            await self._sleep(seconds)
            ask.wakeup()

        alarm = asyncio.create_task(ring())
        try:
            return await self._wait(ask)
        finally:
            alarm.cancel()

    async def _wait(self, ask: Ask) -> bool:
        """Sleep; return False when the request was cancelled meanwhile."""
        ask.wake = asyncio.get_running_loop().create_future()
        self._waiting[ask.request.key] += 1
        self._asleep.add(ask)
        try:
            return await ask.wake
        finally:
            self._waiting -= Counter((ask.request.key,))
            self._asleep.discard(ask)

    async def _tick(self) -> None:
        while len(self._queues):
            await self._sleep(_TICK)
            self._queues.tick()


def _brake(deployment: str) -> str:
    return f"calls:{deployment}"
