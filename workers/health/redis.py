"""The health peer on a Redis or Valkey: one call of a script tells what a worker saw and hears of all circuits.

While the store cannot be reached a worker goes by what it sees itself, from what it knew last. When the store is back
its word holds again; if it has lost all circuits, it takes them from the first worker that remembers them.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Protocol

import msgspec

from ...producers.redis_link import LinkError, Script
from ...routing.health.breaker import Circuit, HalfOpen, Sign, State
from ...schemas.streams import tag
from .desk import Desk, Manner
from .exchange import Answer, Question
from .memory import MemoryCircuits
from .port import Changed, HealthStatus

_log = logging.getLogger(__name__)

_ROOM: Final = "headgate.workers.health"
#: A stop does not wait longer for a store that is away.
_LEAVE_SECONDS: Final = 1.0
_SIGNS: Final = {Sign.WELL: 1, Sign.ILL: 2, Sign.NONE: 3}

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[int, str, tuple[Any, ...], tuple[str, ...]]).decode


class Store(Protocol):
    """What health needs of a connection; `RedisLink` has it.

    It should give up within a second or so, because until then a worker hears of nothing.
    """

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script and return its answer. Raises `LinkError`."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker talks to the store. Seconds."""

    #: How long something may wait to be said, so that more of it goes together.
    flush: float = 0.1
    #: How often it listens when it has nothing to say.
    beat: float = 1.0


class RedisHealth:
    """One worker's health. `worker` must be unique to the process.

    `store_us` replaces the server's clock, for tests.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        worker: str,
        manner: Manner,
        *,
        pace: Pace | None = None,
        store_us: Callable[[], int] | None = None,
    ) -> None:
        self._store = store
        self._base = f"{tag(prefix)}:health:"
        self._manner = manner
        self._pace = pace or Pace()
        self._store_us = store_us
        self._desk = Desk(manner, worker)
        #: Circuits as this worker sees them alone; None: the store answers.
        self._alone: MemoryCircuits | None = None
        self._queued = asyncio.Event()
        self._urgent = asyncio.Event()
        #: One question at a time, so that no answer is older than the one before.
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<RedisHealth {self._desk!r}{'' if self._alone is None else ', without the store'}>"

    async def run(self) -> None:
        """Tell and hear, for ever; when cancelled, give probes back."""
        try:
            while True:
                await self.exchange()
                await self._rest()
        finally:
            await self._leave()

    async def _rest(self) -> None:
        """Wait until something is queued, and a little for more of it unless it is urgent, or until the next beat."""
        if await _is_set(self._queued, self._pace.beat):
            await _is_set(self._urgent, self._pace.flush)

    async def exchange(self) -> None:
        """Tell what is queued, and hear what there is."""
        async with self._turn:
            self._queued.clear()
            self._urgent.clear()
            await self._ask(self._desk.question())

    async def _ask(self, question: Question) -> None:
        answer = await self._shared(question)
        if answer is not None and self._desk.is_another(answer.life):
            answer = await self._shared(self._desk.memories())
        if answer is None:
            answer = self._apart().answer(question)
        self._desk.heard(answer)

    async def _shared(self, question: Question) -> Answer | None:
        """Ask the store; None: it cannot be reached."""
        names = (*(one.name for one in question.counts), *(one.name for one in question.outcomes))
        windows = [f"{self._base}window:{name}" for name in names]
        now = "" if self._store_us is None else self._store_us()
        try:
            raw = await self._store.run(_script(), (f"{self._base}circuits", *windows), (now, _written(question)))
        except LinkError as error:
            if self._alone is None:
                _log.warning("circuits are not shared, each worker goes by what it sees itself: %s", error)
            self._apart()
            return None
        if self._alone is not None:
            self._alone = None
            _log.info("circuits are shared again")
        return _read(raw)

    def _apart(self) -> MemoryCircuits:
        if self._alone is None:
            self._alone = MemoryCircuits(lambda: self._desk.store_us, self._desk.circuits)
        return self._alone

    async def _leave(self) -> None:
        """Give probes back and tell the last; without it, they are not waited for any longer after their lease."""
        self._desk.give_probes_back()
        if self._desk.has_news and self._alone is None:
            try:
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self.exchange()
            except TimeoutError as error:
                _log.warning("health could not take leave: %s", error)

    def listen(self, changed: Changed) -> None:
        """Call `changed` whenever a circuit has become another one."""
        self._desk.listen(changed)

    def state(self, name: str, now_us: int) -> State:
        """Return what is known of a circuit."""
        return self._desk.state(name, now_us)

    async def may_probe(self, name: str, call: str, seconds: float) -> bool:
        """Say whether a call may go although its circuit is half-open."""
        async with self._turn:
            if isinstance(self._desk.state(name, self._manner.now_us()), HalfOpen):
                await self._ask(self._desk.question(self._desk.lease(name, call, seconds)))
            return self._desk.got(name, call, seconds)

    def probes(self, name: str, call: str) -> bool:
        """Say whether a call is a probe that this worker makes."""
        return self._desk.probes(name, call)

    def report(self, name: str, sign: Sign, call: str, began_us: int, pause: float = 0.0) -> None:
        """Hear how a call ended."""
        if self._desk.report(name, sign, call, began_us, pause):
            self._urgent.set()
        if self._desk.has_news:
            self._queued.set()

    def status(self) -> HealthStatus:
        """Return all that is known."""
        return HealthStatus(
            shared=self._alone is None, circuits=self._desk.states(), openings=dict(self._desk.openings)
        )


@cache
def _script() -> Script:
    # a full server must hear of this too: it is a handful of small keys, and it is what keeps load away
    return Script.of("#!lua flags=allow-oom\n" + (files(_ROOM) / "sync.lua").read_text("utf-8"))


def _written(question: Question) -> bytes:
    """Write a question as `sync.lua` reads it."""
    memories = [(one.name, one.level, one.left_us) for one in question.memories]
    outcomes = [
        (
            one.name,
            _SIGNS[one.sign],
            one.call,
            one.pause_us,
            one.chance,
            one.rule.cooldown_us,
            one.rule.max_cooldown_us,
        )
        for one in question.outcomes
    ]
    counts = [
        (
            one.name,
            one.well,
            one.ill,
            one.pause_us,
            one.chance,
            one.rule.cooldown_us,
            one.rule.max_cooldown_us,
            one.rule.minimum,
            one.rule.failure_ratio,
            one.rule.bucket_us,
        )
        for one in question.counts
    ]
    leases = [(one.name, one.call, one.lasting_us) for one in question.leases]
    return _encode((question.life, memories, outcomes, counts, leases))


def _read(raw: bytes) -> Answer:
    now_us, life, told, opened = _decode(raw)
    circuits = {
        name: Circuit(level, until_us, probe, lease_us)
        for name, level, until_us, probe, lease_us in zip(*(told[at::5] for at in range(5)), strict=True)
    }
    return Answer(now_us, life, circuits, opened)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but not for longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
