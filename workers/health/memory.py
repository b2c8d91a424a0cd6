"""The health peer that lives in a process: for tests, and for a worker that is cut off from the store."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from ...routing.health.breaker import (
    NEW,
    Circuit,
    HalfOpen,
    Sign,
    State,
    counted,
    is_forgettable,
    leased,
    paused,
    probed,
)
from .desk import Desk, Manner
from .exchange import Answer, Question
from .port import Changed, HealthStatus

#: As often as the peer on a store.
_BEAT_SECONDS: Final = 1.0


class MemoryCircuits:
    """Circuits that are kept in memory. `now_us` is their clock."""

    def __init__(self, now_us: Callable[[], int], known: Mapping[str, Circuit] | None = None) -> None:
        self._now_us = now_us
        self._circuits = dict(known or {})
        self._life = ""

    def __repr__(self) -> str:
        return f"<MemoryCircuits, {len(self._circuits)} of them>"

    def lose(self) -> None:
        """Forget everything."""
        self._circuits, self._life = {}, ""

    def answer(self, question: Question) -> Answer:
        """Take what a worker says, and tell all circuits that are not simply closed."""
        now_us = self._now_us()
        self._life = self._life or question.life
        self._remember(question, now_us)
        opened = [*self._end_probes(question, now_us), *self._count(question, now_us)]
        self._lease(question, now_us)
        told = {name: one for name, one in self._circuits.items() if not is_forgettable(one, now_us)}
        for name in [name for name, one in self._circuits.items() if not (one.window or name in told)]:
            del self._circuits[name]
        shown = {name: Circuit(one.level, one.until_us, one.probe, one.lease_us) for name, one in told.items()}
        return Answer(now_us, self._life, shown, tuple(opened))

    def _of(self, name: str, now_us: int) -> Circuit:
        circuit = self._circuits.get(name, NEW)
        return NEW if circuit.level and is_forgettable(circuit, now_us) else circuit

    def _remember(self, question: Question, now_us: int) -> None:
        for memory in question.memories:
            if is_forgettable(self._of(memory.name, now_us), now_us):
                self._circuits[memory.name] = Circuit(memory.level, now_us + memory.left_us)

    def _end_probes(self, question: Question, now_us: int) -> list[str]:
        opened: list[str] = []
        for one in question.outcomes:
            before = self._of(one.name, now_us)
            after = probed(before, one.rule, now_us, one.call, one.sign, one.chance)
            opened += [one.name] if after.level > before.level else []
            self._circuits[one.name] = paused(after, now_us + one.pause_us) if one.pause_us else after
        return opened

    def _count(self, question: Question, now_us: int) -> list[str]:
        opened: list[str] = []
        for one in question.counts:
            before = after = self._of(one.name, now_us)
            if one.well or one.ill:
                after = counted(before, one.rule, now_us, one.well, one.ill, one.chance)
            opened += [one.name] if after.level > before.level else []
            self._circuits[one.name] = paused(after, now_us + one.pause_us) if one.pause_us else after
        return opened

    def _lease(self, question: Question, now_us: int) -> None:
        for one in question.leases:
            probing = leased(self._of(one.name, now_us), now_us, one.call, one.lasting_us)
            if probing is not None:
                self._circuits[one.name] = probing


class MemoryHealth:
    """One worker's health. What it is told takes effect at once: nothing is queued."""

    def __init__(self, circuits: MemoryCircuits, manner: Manner, worker: str = "worker") -> None:
        self._circuits = circuits
        self._now_us = manner.now_us
        self._desk = Desk(manner, worker)

    def __repr__(self) -> str:
        return f"<MemoryHealth {self._desk!r}>"

    async def run(self) -> None:
        """Keep leases, and hear what others found, for ever; when cancelled, give probes back."""
        try:
            while True:
                self.exchange()
                await asyncio.sleep(_BEAT_SECONDS)
        finally:
            self._desk.give_probes_back()
            self.exchange()

    def exchange(self) -> None:
        """Tell what is queued, and hear what there is."""
        self._ask(self._desk.question())

    def _ask(self, question: Question) -> None:
        answer = self._circuits.answer(question)
        if self._desk.is_another(answer.life):
            answer = self._circuits.answer(self._desk.memories())
        self._desk.heard(answer)

    def listen(self, changed: Changed) -> None:
        """Call `changed` whenever a circuit has become another one."""
        self._desk.listen(changed)

    def state(self, name: str, now_us: int) -> State:
        """Return what is known of a circuit."""
        return self._desk.state(name, now_us)

    async def may_probe(self, name: str, call: str, seconds: float) -> bool:
        """Say whether a call may go although its circuit is half-open."""
        state = self._desk.state(name, self._now_us())
        if isinstance(state, HalfOpen):
            self._ask(self._desk.question(self._desk.lease(name, call, seconds)))
        return self._desk.got(name, call, seconds)

    def probes(self, name: str, call: str) -> bool:
        """Say whether a call is a probe that this worker makes."""
        return self._desk.probes(name, call)

    def report(self, name: str, sign: Sign, call: str, began_us: int, pause: float = 0.0) -> None:
        """Hear how a call ended."""
        self._desk.report(name, sign, call, began_us, pause)
        if self._desk.has_news:
            self.exchange()

    def status(self) -> HealthStatus:
        """Return all that is known."""
        return HealthStatus(shared=True, circuits=self._desk.states(), openings=dict(self._desk.openings))
