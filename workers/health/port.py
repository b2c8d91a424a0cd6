"""What the gateway needs of health. Peers: `redis.py`, `memory.py`; `target_health.py` is how the gateway uses it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...routing.health.breaker import Sign, State


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """What a worker knows of circuits, for metrics."""

    #: False while the store cannot be reached: the worker goes by what it sees itself.
    shared: bool
    #: By deployment or credential: those of the config, and whatever else was ever open.
    circuits: Mapping[str, State]
    #: How often each opened because of what this worker reported.
    openings: Mapping[str, int]


#: Hears that circuits have become others, and which have closed that were open for failures. It must not block.
Changed = Callable[[Sequence[str]], object]


class Health(Protocol):
    """One worker's view of what is well, and its word in it.

    Circuits are named by their deployment, or `credential:<provider>`. Nothing here waits for the store but
    `may_probe`, and nothing fails: without a store each worker goes by what it sees itself.
    """

    async def run(self) -> None:
        """Tell what `report` has queued and hear what others found, for ever; when cancelled, give probes back."""
        ...

    def listen(self, changed: Changed) -> None:
        """Call `changed` from now on whenever a circuit has become another one: whoever waits for it looks again."""
        ...

    def state(self, name: str, now_us: int) -> State:
        """Return what is known here of a circuit, unix microseconds; no I/O, less than a microsecond."""
        ...

    async def may_probe(self, name: str, call: str, seconds: float) -> bool:
        """Say whether a call may go although its circuit is half-open: one at a time of all workers; or is closed now.

        `call` is a name of the call that nothing else ever has. It is waited for until `report` hears of it, or for
        `seconds`, or until this worker is silent for `dead_after`. After False, `state` says when to ask again.
        """
        ...

    def probes(self, name: str, call: str) -> bool:
        """Say whether a call is one that `may_probe` has let go, and that was not reported yet."""
        ...

    def report(self, name: str, sign: Sign, call: str, began_us: int, pause: float = 0.0) -> None:
        """Hear how a call ended that began at a time, unix microseconds of the same clock. Queued.

        `pause`: seconds for which nobody shall call, as the provider asks. A probe that is not made after all has to be
        reported too, with `Sign.NONE`.
        """
        ...

    def status(self) -> HealthStatus:
        """Return all that is known, for metrics."""
        ...
