"""One worker's side of the circuits, whichever peer: what it knows, and what it has to say. No I/O."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...routing.health.breaker import CLOSED, HALF_OPEN, NEW, Circuit, Open, Sign, State, state_of
from ...routing.health.rules import BreakerRules
from .exchange import Answer, Count, Lease, Memory, Outcome, Question
from .port import Changed


@dataclass(slots=True)
class _Told:
    """Calls of one circuit that ended since the last exchange."""

    well: int = 0
    ill: int = 0
    #: By the worker's clock; 0: none.
    pause_until_us: int = 0


@dataclass(frozen=True, slots=True)
class _Probe:
    """A probe that this worker makes."""

    call: str
    #: When it is waited for no longer. Should it be answered later, that is heard if nobody else probes by then.
    ends_us: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How a worker goes about it."""

    rules: BreakerRules
    #: Unix microseconds, by the clock of those who ask.
    now_us: Callable[[], int]
    #: Uniform in [0, 1).
    chance: Callable[[], float]
    #: How long a probe is waited for whose worker is silent.
    lease_us: int = 10_000_000


class Desk:
    """What one worker knows of circuits, and what it has to say of them. `name` is the worker's own."""

    def __init__(self, manner: Manner, name: str) -> None:
        self._manner = manner
        self._name = name
        self._questions = 0
        self._life: str | None = None
        #: Own time less the store's.
        self._ahead_us = 0
        self._circuits: Mapping[str, Circuit] = {}
        #: Of those circuits, by own time: when the next call may go, what is said before, and after.
        self._states: dict[str, tuple[int, State, State]] = {}
        #: When a circuit was last heard to have closed: calls that began earlier speak of the time before.
        self._closed_us: dict[str, int] = {}
        self._told: dict[str, _Told] = {}
        self._outcomes: list[Outcome] = []
        self._probes: dict[str, _Probe] = {}
        self._openings: Counter[str] = Counter()
        self._changed: Changed = _nobody

    def __repr__(self) -> str:
        return f"<Desk {self._name}, {len(self._circuits)} circuits not closed, {len(self._told)} told of>"

    @property
    def openings(self) -> Mapping[str, int]:
        """How often each circuit opened because of what was said here."""
        return self._openings

    @property
    def circuits(self) -> Mapping[str, Circuit]:
        """What was heard of those that are not closed, by the store's clock."""
        return self._circuits

    @property
    def store_us(self) -> int:
        """What the store's clock says now, as far as is known."""
        return self._manner.now_us() - self._ahead_us

    def listen(self, changed: Changed) -> None:
        """Call `changed` whenever a circuit has become another one."""
        self._changed = changed

    def state(self, name: str, now_us: int) -> State:
        """Return what is known of a circuit."""
        seen = self._states.get(name)
        if seen is None:
            return CLOSED
        return seen[1] if now_us < seen[0] else seen[2]

    def states(self) -> Mapping[str, State]:
        """Return the states of the config's circuits, and of all others that ever were open."""
        names = {**self._manner.rules.deployments, **self._openings, **self._circuits}
        now_us = self.store_us
        return {name: _phase(self._circuits.get(name, NEW), now_us) for name in names}

    # What is to be said

    def report(self, name: str, sign: Sign, call: str, began_us: int, pause: float) -> bool:
        """Hear how a call ended; say whether others should know at once."""
        probe = self._probes.get(name)
        if probe is not None and probe.call == call:
            del self._probes[name]
            self._outcomes.append(
                Outcome(name, self._manner.rules.of(name), call, sign, round(pause * 1e6), self._manner.chance())
            )
            return True
        believed = sign is not Sign.NONE and self._is_believed(name, began_us)
        if not believed and pause <= 0:
            return False
        told = self._told.get(name)
        if told is None:
            told = self._told[name] = _Told()
        if believed:
            told.well += sign is Sign.WELL
            told.ill += sign is Sign.ILL
        if pause > 0:
            told.pause_until_us = max(told.pause_until_us, self._manner.now_us() + round(pause * 1e6))
            return True
        return sign is Sign.ILL and told.ill >= self._manner.rules.of(name).minimum

    def probes(self, name: str, call: str) -> bool:
        """Say whether a call is the probe of a circuit."""
        probe = self._probes.get(name)
        return probe is not None and probe.call == call

    def _is_believed(self, name: str, began_us: int) -> bool:
        """Say whether a call that is no probe speaks of the present: it began neither before nor while it was open."""
        circuit = self._circuits.get(name)
        return (circuit is None or circuit.level == 0) and began_us >= self._closed_us.get(name, 0)

    def give_probes_back(self) -> None:
        """Give up all probes of this worker."""
        for name, probe in list(self._probes.items()):
            self.report(name, Sign.NONE, probe.call, 0, 0.0)

    @property
    def has_news(self) -> bool:
        """Whether there is anything to say."""
        return bool(self._told or self._outcomes)

    def question(self, *asked: Lease) -> Question:
        """Take what is to be said. What is taken and gets lost is not said again: it was a few calls among many."""
        now_us, manner = self._manner.now_us(), self._manner
        counts = tuple(
            Count(
                name, manner.rules.of(name), told.well, told.ill, max(told.pause_until_us - now_us, 0), manner.chance()
            )
            for name, told in self._told.items()
            if told.well or told.ill or told.pause_until_us > now_us
        )
        self._told = {}
        outcomes, self._outcomes = tuple(self._outcomes), []
        renewed = (
            Lease(name, probe.call, min(manner.lease_us, probe.ends_us - now_us))
            for name, probe in self._probes.items()
            if now_us < probe.ends_us
        )
        return Question(self._next_life(), (), outcomes, counts, (*renewed, *asked))

    def lease(self, name: str, call: str, seconds: float) -> Lease:
        """Return what asks for a probe of `seconds` at most."""
        return Lease(name, call, min(self._manner.lease_us, round(seconds * 1e6)))

    def memories(self) -> Question:
        """Return what a store has to hear that has lost all circuits."""
        now_us = self.store_us
        known = self._circuits.items()
        memories = (Memory(name, one.level, max(one.until_us - now_us, 0)) for name, one in known)
        return Question(self._next_life(), tuple(memories))

    def _next_life(self) -> str:
        """Return a new name for the store's life: were it an old one, nobody would see that all was lost."""
        self._questions += 1
        return f"{self._name}:{self._questions}"

    # What was heard

    def is_another(self, life: str) -> bool:
        """Say whether a store has another life than the one that was known."""
        before, self._life = self._life, life
        return before is not None and before != life

    def heard(self, answer: Answer) -> None:
        """Take what the store says of all circuits."""
        before, self._circuits = self._circuits, answer.circuits
        now_us = self._manner.now_us()
        self._ahead_us = now_us - answer.now_us
        self._openings.update(answer.opened)
        self._states = {name: self._seen(circuit) for name, circuit in answer.circuits.items()}
        changed, closed = False, list[str]()
        for name in {**before, **answer.circuits}:
            old, new = before.get(name, NEW), answer.circuits.get(name, NEW)
            if old.level and not new.level:
                self._closed_us[name] = now_us
                closed.append(name)
            if new.level and not old.level and name in self._told:
                self._told[name].well = self._told[name].ill = 0
            changed |= (old.level, old.until_us, old.probe) != (new.level, new.until_us, new.probe)
        if changed:
            self._changed(closed)

    def got(self, name: str, call: str, seconds: float) -> bool:
        """Say whether the last answer lets a call go that asked for a probe."""
        circuit = self._circuits.get(name, NEW)
        if circuit.level and circuit.probe == call:
            self._probes[name] = _Probe(call, self._manner.now_us() + round(seconds * 1e6))
            return True
        return self.state(name, self._manner.now_us()) is CLOSED

    def _seen(self, circuit: Circuit) -> tuple[int, State, State]:
        until_us = circuit.blocked_us + self._ahead_us
        probed = circuit.blocked_us > circuit.until_us
        return until_us, Open(until_us, probed), HALF_OPEN if circuit.level else CLOSED


def _phase(circuit: Circuit, now_us: int) -> State:
    """Return the state for people, to whom a probe that is waited for is no opening."""
    return HALF_OPEN if circuit.level and circuit.until_us <= now_us else state_of(circuit, now_us)


def _nobody(_: Sequence[str]) -> None:
    """Hear nothing."""
