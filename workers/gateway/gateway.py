"""The gateway itself: deliveries in, completions out."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from ...routing.plan import PriceFinder, Routes, make_plan
from ...routing.target import Plan
from ...schemas.failures import Code, Failure, failure
from ...schemas.reading import read_request
from ...schemas.request import Arrival, Defaults, Request, Unreadable
from ...schemas.topics import Topics
from ..bus.port import Bus, Delivery
from ..journal.port import Claim, Journal, Run
from .answers import Attempt, attempt_event, final_reply, interrupted_events
from .attempts import Attempts, Clock, Ended
from .desk import Desk
from .events import Listener
from .room import Room

_log = logging.getLogger(__name__)

#: Requests that are begun between two looks at the rest of the event loop.
_HANDFUL: Final = 64


@dataclass(frozen=True, slots=True)
class Ports:
    """What the gateway acts through."""

    bus: Bus
    journal: Journal
    attempts: Attempts
    prices: PriceFinder
    listener: Listener
    clock: Clock
    new_id: Callable[[], str] = lambda: secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gateway goes by, from the config."""

    topics: Topics
    routes: Routes
    defaults: Defaults
    #: Patterns of topics that requests may name for their replies.
    reply_topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """A request on its way."""

    delivery: Delivery
    request: Request
    plan: Plan

    @property
    def size(self) -> int:
        return len(self.request.body)


class Gateway:
    """Runs requests. `admit` is what a bus delivers to; it returns when there is room for more."""

    def __init__(self, ports: Ports, rules: Rules, room: Room) -> None:
        self._ports = ports
        self._rules = rules
        self._room = room
        self._desk = Desk(ports.bus, rules.topics, ports.listener, ports.clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims: dict[str, Claim] = {}
        self._broken = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Gateway {self._room!r}>"

    async def admit(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries over: answer what cannot be run, run the rest as room comes free."""
        self._ports.listener.admitted(len(deliveries), sum(len(d.record.value or b"") for d in deliveries))
        for start in range(0, len(deliveries), _HANDFUL):
            read = [await self._read(delivery) for delivery in deliveries[start : start + _HANDFUL]]
            await self._begin_all([job for job in read if job is not None])

    async def _begin_all(self, jobs: list[_Job]) -> None:
        while jobs:
            count = await self._room.take([job.size for job in jobs])
            await self._begin(jobs[:count])
            jobs = jobs[count:]

    async def _read(self, delivery: Delivery) -> _Job | None:
        """Return the request to run, or None when it has been answered here and now."""
        lane = self._rules.topics.lane_of(delivery.record.topic)
        read = read_request(delivery.record, Arrival(delivery.place, lane, delivery.at_ms), self._rules.defaults)
        if isinstance(read, Unreadable):
            self._desk.bury(delivery, read.failure, None)
            return None
        if not await self._may_reply_to(read.reply_to):
            expected = f"an existing topic that matches {' or '.join(self._rules.reply_topics)}"
            why = failure(Code.UNKNOWN_REPLY_TOPIC, expected=expected, given=read.reply_to)
            self._desk.bury(delivery, why, read)
            return None
        plan = self._plan(read) if isinstance(read, Request) else read.failure
        if isinstance(plan, Failure) or not isinstance(read, Request):
            self._desk.refuse(delivery, read, plan if isinstance(plan, Failure) else failure(Code.INTERNAL))
            return None
        return _Job(delivery, read, plan)

    def _plan(self, request: Request) -> Plan | Failure:
        if request.deadline_ms <= self._ports.clock.now() * 1000:
            return failure(Code.DEADLINE_EXCEEDED)
        return make_plan(request, self._rules.routes, self._ports.prices)

    async def _may_reply_to(self, topic: str) -> bool:
        allowed = any(fnmatchcase(topic, pattern) for pattern in self._rules.reply_topics)
        return allowed and await self._ports.bus.knows(topic)

    async def _begin(self, jobs: Sequence[_Job]) -> None:
        """Write down that these runs begin, then begin them: from here on a crash leaves a trace."""
        began = self._ports.clock.now_us()
        runs = [Run(self._ports.new_id(), began, (job.plan.target(1).id,)) for job in jobs]
        claims = await self._ports.journal.claim(
            [Claim(job.request.id, run) for job, run in zip(jobs, runs, strict=True)]
        )
        for job, claim in zip(jobs, claims, strict=True):
            self._claims[job.delivery.place] = claim
            self._spawn(self._run(job, claim))

    async def _run(self, job: _Job, claim: Claim) -> None:
        try:
            spending = _Spending(job, self._desk, self._ports.journal)
            for dead in claim.interrupted:
                spending.interrupted(dead)
            ended = await self._ports.attempts.run(job.request, job.plan, claim.run, spending.followed)
            self._answer(job, ended, spending)
        finally:
            self._room.give_back(job.size)

    def _answer(self, job: _Job, ended: Ended, spending: "_Spending") -> None:
        event = attempt_event(job.request, ended.run, ended.last)
        reply = final_reply(job.request, ended.run, ended.last, ended.end, spending.cost_nano + event.cost_nano)
        self._desk.answer(job.delivery, job.request, reply, event)

    def committed(self, deliveries: Sequence[Delivery]) -> None:
        """Hear from the bus that these are over: the journal may forget them."""
        claims = [claim for d in deliveries if (claim := self._claims.pop(d.place, None)) is not None]
        if claims:
            self._spawn(self._ports.journal.forget(claims))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.critical("a task of the gateway failed: the worker must be restarted", exc_info=task.exception())
            self._broken.set()

    async def broken(self) -> None:
        """Return when a task failed in a way that nobody foresaw: its delivery hangs until the worker is restarted."""
        await self._broken.wait()

    async def settled(self) -> None:
        """Return when nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def abandon(self) -> None:
        """Cancel what still runs, after the bus has stopped: it will be delivered again, its attempts `uncertain`."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Spending:
    """What one request has cost before its last attempt."""

    def __init__(self, job: _Job, desk: Desk, journal: Journal) -> None:
        self._job = job
        self._desk = desk
        self._journal = journal
        self.cost_nano = 0

    def interrupted(self, run: Run) -> None:
        """Account for the attempts of a dead worker."""
        targets = {target.id: target for target in self._job.plan.targets}
        for event in interrupted_events(self._job.request, run, targets):
            self.cost_nano += event.cost_nano
            self._desk.publish(event)

    async def followed(self, attempt: Attempt, run: Run) -> None:
        """Publish a failed attempt's usage, and write down that the next one begins, before it begins."""
        event = attempt_event(self._job.request, run, attempt)
        self.cost_nano += event.cost_nano
        self._desk.publish(event)
        await self._journal.attempt(self._job.request.id, run)
