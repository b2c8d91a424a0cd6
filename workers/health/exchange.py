"""What a worker and the fleet's circuits say to each other in one exchange."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...routing.health.breaker import BreakerRule, Circuit, Sign


@dataclass(frozen=True, slots=True)
class Count:
    """Calls of one deployment or credential that ended, none of them a probe."""

    name: str
    rule: BreakerRule
    well: int
    ill: int
    #: How much longer the provider wants to be left alone; 0: not at all.
    pause_us: int
    #: In [0, 1).
    chance: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a probe ended."""

    name: str
    rule: BreakerRule
    call: str
    sign: Sign
    pause_us: int
    chance: float


@dataclass(frozen=True, slots=True)
class Lease:
    """A call that wants to probe, or does so still."""

    name: str
    call: str
    lasting_us: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A circuit as a worker remembers it, for a store that has lost all of them."""

    name: str
    level: int
    #: Until when it is open, from now.
    left_us: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a worker says. It is carried out in the order of the fields."""

    #: What the store's life shall be called if it has no name yet.
    life: str
    memories: tuple[Memory, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    counts: tuple[Count, ...] = ()
    leases: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker hears."""

    #: By the store's clock, as all times here.
    now_us: int
    #: Names the store from one filling to the next: another one means that all circuits were lost.
    life: str
    #: All that are not simply closed, without their windows.
    circuits: Mapping[str, Circuit]
    #: Those that have opened because of the question, again perhaps.
    opened: tuple[str, ...]
