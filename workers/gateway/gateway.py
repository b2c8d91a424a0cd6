"""The gateway itself: deliveries in, completions out."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...routing.admission.line import Lines
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.taking import Bookkeeping
from ...routing.plan import PriceFinder
from ...schemas.record import Record
from ...schemas.topics import Lane
from ..admission.port import Admission
from ..bus.port import Bus, Delivery
from ..journal.claims import Claim, Journal
from .attempts import Attempts
from .backlog import Backlog
from .batcher import Batcher
from .calling import Caller, Calls, NoSecrets, NoSigner, Secrets, Signer
from .cancelled import Cancelled
from .circuits import Circuits, Closed
from .clock import Clock
from .desk import Desk
from .events import Listener
from .gate import Brakes, Gate, GateRules
from .job import Job
from .overflow import Overflow
from .reception import Reception, Rules
from .room import Room
from .runner import JournalLines, Runner
from .tolls import Estimates, Tolls
from .vitals import Vitals

_log = logging.getLogger(__name__)

#: Requests that are begun between two looks at the rest of the event loop.
_HANDFUL: Final = 64
#: One key, one deployment, and whoever waits for a dead worker's claim to end, may have a fourth of the room waiting.
_SHARE_OF_A_KEY: Final = 4
#: Requests of long lines that may be put aside, and their bytes.
_ASIDE: Final = 100_000
_ASIDE_BYTES: Final = 64 * 1024 * 1024
#: Requests that may be on their way out at a time, and their bytes: their commits take as long as any.
_LEAVING: Final = 10_000
_LEAVING_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ports:
    """What the gateway acts through."""

    bus: Bus
    journal: Journal
    admission: Admission
    calls: Calls
    brakes: Brakes
    estimates: Estimates
    prices: PriceFinder
    listener: Listener
    clock: Clock
    circuits: Circuits = field(default_factory=Closed)
    secrets: Secrets = field(default_factory=NoSecrets)
    signer: Signer = field(default_factory=NoSigner)
    new_id: Callable[[], str] = lambda: secrets.token_hex(16)


class Gateway:
    """Runs requests. `admit` is what a bus delivers to; it returns when there is room for more."""

    def __init__(self, ports: Ports, rules: Rules, rulebook: Rulebook, room: Room) -> None:
        self._ports = ports
        self._room = room
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self._cancelled = Cancelled()
        self._over = _Together(self._spawn, ports.journal.committed)
        self._released = _Together(self._spawn, ports.journal.release)
        self._desk = Desk(ports.bus, rules.topics, ports.listener, ports.clock, self._cancelled.covers)
        self._lines = Lines(room.requests // _SHARE_OF_A_KEY)
        self._gate = Gate(
            ports.admission,
            ports.brakes,
            GateRules(rules.wait_in_memory, room.requests // _SHARE_OF_A_KEY),
            now_us=ports.clock.now_us,
            sleep=ports.clock.sleep,
            is_cancelled=self._cancelled.covers,
            lines=self._lines,
        )
        self._overflow = self._make_overflow()
        self._backlog = self._make_backlog(rules)
        self._vitals = Vitals(ports.circuits, ports.estimates, rulebook.watched, self._gate.now_us)
        ports.admission.listen(self._vitals.heard)
        self._reception = Reception(
            rules,
            ports.bus,
            self._desk,
            ports.prices,
            ports.estimates,
            ports.clock,
            self._cancelled.covers,
            self._vitals,
        )
        self._runner = self._make_runner(rules, rulebook)
        ports.circuits.listen(self._circuits_changed)

    def _make_backlog(self, rules: Rules) -> Backlog:
        return Backlog(
            {rules.topics.requests(lane): lane for lane in Lane},
            rules.defaults,
            rules.keyring,
            self._lines,
            Room(_ASIDE, _ASIDE_BYTES, sleep=self._ports.clock.sleep),
            self._ports.clock,
            self._gate.now_us,
            self._take_in,
            self._spawn,
            lambda: self._room.in_flight > self._gate.waiting,
        )

    def _make_overflow(self) -> Overflow:
        return Overflow(
            self._desk,
            self._lines,
            Room(_LEAVING, _LEAVING_BYTES, sleep=self._ports.clock.sleep),
            self._ports.journal.known,
            self._gate.now_us,
            self._cancelled.covers,
        )

    def _make_runner(self, rules: Rules, rulebook: Rulebook) -> Runner:
        ports = self._ports
        tolls = Tolls(rulebook, Bookkeeping(), ports.estimates, ports.admission, ports.journal.mark)
        return Runner(
            desk=self._desk,
            journal=JournalLines(
                Batcher(ports.journal.claim), Batcher(ports.journal.answer), self._over.add, self._released.add
            ),
            attempts=Attempts(
                Caller(
                    ports.calls, ports.brakes, ports.circuits, ports.clock, ports.secrets, self._vitals, ports.signer
                ),
                self._gate,
                tolls,
                ports.clock,
                self._reception.plan,
                rules.wait_in_memory,
                self._room.requests // _SHARE_OF_A_KEY,
            ),
            admission=ports.admission,
            tolls=tolls,
            clock=ports.clock,
            new_id=ports.new_id,
            is_cancelled=self._cancelled.covers,
            wait_in_memory=rules.wait_in_memory,
            most_behind=self._room.requests // _SHARE_OF_A_KEY,
        )

    def __repr__(self) -> str:
        return f"<Gateway {self._room!r} {self._gate!r}>"

    @property
    def waiting(self) -> int:
        """Requests in memory that wait until they may be called for."""
        return self._gate.waiting

    async def admit(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries over: answer what cannot be run, run the rest as room comes free."""
        self._ports.listener.admitted(len(deliveries), sum(len(d.record.value or b"") for d in deliveries))
        await self._take_in(await self._backlog.others(deliveries))

    async def _take_in(self, deliveries: Sequence[Delivery]) -> None:
        for start in range(0, len(deliveries), _HANDFUL):
            received = [await self._reception.receive(each) for each in deliveries[start : start + _HANDFUL]]
            await self._begin_all(await self._overflow.remaining([job for job in received if job is not None]))

    async def _begin_all(self, jobs: list[Job]) -> None:
        while jobs:
            count = await self._room.take([job.size for job in jobs])
            for job in jobs[:count]:
                self._spawn(self._run(job))
            jobs = jobs[count:]

    async def _run(self, job: Job) -> None:
        try:
            await self._runner.run(job)
        finally:
            self._room.give_back(job.size)

    def committed(self, deliveries: Sequence[Delivery]) -> None:
        """Hear from the bus that these are over."""
        self._desk.committed(deliveries)

    def heard(self, record: Record) -> None:
        """Hear a record of the control topic."""
        if self._cancelled.hear(record):
            self._gate.cancelled()
            self._lines.forget()

    def _circuits_changed(self, closed: Sequence[str]) -> None:
        for name in closed:
            self._ports.brakes.begin_anew(name)
        self._gate.circuits_changed()
        self._runner.attempts.lobby.changed()

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


class _Together:
    """Claims that are told to the journal together, when those that ended together have all been added."""

    def __init__(
        self,
        spawn: Callable[[Coroutine[None, None, None]], None],
        tell: Callable[[Sequence[Claim]], Coroutine[None, None, None]],
    ) -> None:
        self._spawn = spawn
        self._tell = tell
        self._claims: list[Claim] = []

    def add(self, claim: Claim) -> None:
        """Add one."""
        if not self._claims:
            self._spawn(self._run())
        self._claims.append(claim)

    async def _run(self) -> None:
        claims, self._claims = self._claims, []
        await self._tell(claims)
