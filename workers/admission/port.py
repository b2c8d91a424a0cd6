"""What the gateway needs of admission, and the recorder of the budgets' book. Peers: `redis.py`, `memory.py`."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...routing.admission.demand import BudgetWindow, Correction, Demand, RateLimit
from ...routing.admission.level import Level
from ...routing.admission.verdict import Verdict

#: Hears how full watched limits are, and what was asked of them, by limit, before that was so.
Hears = Callable[[Sequence[Level], Mapping[str, int]], object]


def unheard(_: Sequence[Level], __: Mapping[str, int]) -> None:
    """Hear nothing: nobody listens."""


class Admission(Protocol):
    """The gateway's side: ask before each attempt, say what became of it.

    A peer remembers what this worker was granted until it is settled, and takes it up again by itself after the store
    was lost and rebuilt. Slots of a worker that is silent for `dead_after` seconds are free again.
    """

    async def run(self) -> None:
        """Say that this worker lives, and send what `finish`, `settle` and `cancel` have queued; for ever."""
        ...

    async def acquire(self, demands: Sequence[Demand]) -> Sequence[Verdict]:
        """Answer each demand, in order, in one round trip. Waits while the store cannot be reached."""
        ...

    def finish(self, attempt_id: str, corrections: Sequence[Correction]) -> None:
        """Hear that an attempt's call is over: its parallel slots are free, its charges are corrected. Queued."""
        ...

    def settle(self, attempt_id: str, amounts: Sequence[int]) -> None:
        """Hear that the attempt's usage event is durable: its holds shrink to the true amounts. Queued.

        `amounts` are in the order of the demand's holds. The hold itself goes when the event is in the ledger.
        """
        ...

    def cancel(self, demand: Demand, ticket_us: int) -> None:
        """Give back a slot that `Wait` reserved and that will not be used. Queued."""
        ...

    def listen(self, heard: Hears) -> None:
        """Tell from now on, with every answer, how full those watched limits are that were asked for.

        Nothing is told while the store is being rebuilt.
        """
        ...


class Phase(enum.Enum):
    """What the store knows of the ledger."""

    #: Nothing: it is new, or was lost.
    EMPTY = "empty"
    #: It is being filled; nobody may spend.
    REBUILDING = "rebuilding"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class BookState:
    """Where the book stands."""

    phase: Phase
    #: Names this life of the store; None when empty.
    epoch: str | None = None
    #: Partition of the usage topic → where the next entry to be applied starts.
    cursors: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What the ledger says was settled in a budget's window."""

    window: BudgetWindow
    amount: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What the ledger says went through a rate limit at a time."""

    limit: RateLimit
    at_us: int
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """What one event changed in the ledger: its hold goes, and each amount is added to its window's settled sum.

    Amounts are differences: a real event that replaces its `uncertain` stand-in posts what it costs more or less.
    """

    attempt_id: str
    amounts: Sequence[Spent]


@dataclass(frozen=True, slots=True)
class Alert:
    """A budget's settled sum has passed a threshold, for the first time in its window."""

    window: BudgetWindow
    #: In parts of the limit, such as 0.8.
    threshold: float
    settled: int


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What the store has of a budget in one of its windows."""

    name: str
    start_us: int
    settled: int
    held: int


class BudgetBook(Protocol):
    """The recorder's side: the store's budgets are the ledger's sums plus the holds in flight."""

    async def state(self) -> BookState:
        """Return where the book stands. Raises `LinkError` if the store cannot be reached, as all of these do."""
        ...

    async def open(
        self, epoch: str, cursors: Mapping[str, str], spent: Sequence[Spent], taken: Sequence[Taken]
    ) -> None:
        """Begin a new life of the store, in phase REBUILDING, with the ledger's sums in place of all there was.

        Workers that live post their holds again when they see the new epoch.
        """
        ...

    async def apply(
        self,
        epoch: str,
        cursors: Mapping[str, tuple[str | None, str]],
        postings: Sequence[Posting],
        thresholds: Mapping[str, Sequence[float]],
    ) -> Sequence[Alert] | None:
        """Post what one append changed, once: `cursors` maps partition → (cursor before, cursor after).

        Nothing happens if the cursors after are known already (it was applied before), and the answer is the same.
        `thresholds` are by budget name. None: the epoch or the cursors before are others: the book must be opened anew.
        """
        ...

    async def ready(self, epoch: str) -> bool:
        """Let workers spend; False if the epoch is another by now."""
        ...

    async def budgets(self) -> Sequence[BudgetState]:
        """Return all that the store has of budgets, in no order: for people."""
        ...
