"""Recorded against replayed: sums on both sides, exact, in total and by whatever requests are told apart by."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

from ...schemas.recorded import RecordedRequest
from .blind import Blind
from .replay import Fate, Lived


class By(StrEnum):
    """What requests can be told apart by; where they went may differ between the two sides."""

    MODEL = "model"
    KEY = "key"
    DEPLOYMENT = "deployment"
    PROVIDER = "provider"


@dataclass(slots=True)
class Side:
    """One side's sums; money in nano-dollars."""

    served: int = 0
    deferred: int = 0
    refused: int = 0
    answers: int = 0
    #: Of attempts without an answer.
    others: int = 0

    def add(self, lived: Lived) -> None:
        """Add one request."""
        self.served += lived.fate is Fate.SERVED
        self.deferred += lived.fate is Fate.DEFERRED
        self.refused += lived.fate is Fate.REFUSED
        self.answers += lived.answer_nano
        self.others += lived.other_nano

    @property
    def requests(self) -> int:
        """All of them."""
        return self.served + self.deferred + self.refused

    @property
    def cost(self) -> int:
        """What all of it cost."""
        return self.answers + self.others


@dataclass(slots=True)
class Pair:
    """The same requests on both sides, or, by deployment, those that each side sent there."""

    recorded: Side = field(default_factory=Side)
    replayed: Side = field(default_factory=Side)


class Delays:
    """How long deferred requests waited, to the microsecond; eight bytes each."""

    def __init__(self) -> None:
        self._waits = array("q")

    def __len__(self) -> int:
        return len(self._waits)

    def add(self, lived: Lived) -> None:
        """Add a request, if it was deferred."""
        if lived.fate is Fate.DEFERRED:
            self._waits.append(lived.waited_us)

    def quantiles(self, *shares: float) -> Sequence[int]:
        """Return, for each share, the wait that so many did not exceed (nearest rank); 0 where nobody was deferred."""
        ordered = sorted(self._waits)
        return [ordered[max(ceil(share * len(ordered)), 1) - 1] if ordered else 0 for share in shares]


class Comparison:
    """Takes pairs in, and keeps sums."""

    def __init__(self, by: Sequence[By] = ()) -> None:
        self.by = tuple(by)
        self.total = Pair()
        self.recorded_delays = Delays()
        self.replayed_delays = Delays()
        #: Requests of which something is not known.
        self.blind: Counter[Blind] = Counter()
        #: Requests that were priced by another edition than the replay's.
        self.repriced = 0
        self._groups: dict[tuple[str, ...], Pair] = {}
        self._codes: dict[str, tuple[int, int]] = {}

    def __repr__(self) -> str:
        return f"<Comparison of {self.total.recorded.requests} requests>"

    @property
    def groups(self) -> Mapping[tuple[str, ...], Pair]:
        """By what requests are told apart by."""
        return self._groups

    @property
    def codes(self) -> Mapping[str, tuple[int, int]]:
        """How many were refused, recorded and replayed, by code."""
        return self._codes

    def add(self, one: RecordedRequest, recorded: Lived, replayed: Lived) -> None:
        """Take one request in."""
        for lived, side in ((recorded, "recorded"), (replayed, "replayed")):
            for pair in (self.total, self._group(one, lived)):
                sums: Side = getattr(pair, side)
                sums.add(lived)
        self.recorded_delays.add(recorded)
        self.replayed_delays.add(replayed)
        self._count_code(recorded.code, (1, 0))
        self._count_code(replayed.code, (0, 1))
        self.blind.update(replayed.blind)
        self.repriced += bool(replayed.prices) and recorded.prices != replayed.prices

    def _group(self, one: RecordedRequest, lived: Lived) -> Pair:
        known = {
            By.MODEL: one.model,
            By.KEY: one.key,
            By.DEPLOYMENT: lived.deployment,
            By.PROVIDER: lived.provider,
        }
        return self._groups.setdefault(tuple(known[by] for by in self.by), Pair())

    def _count_code(self, code: str | None, more: tuple[int, int]) -> None:
        if code is not None:
            recorded, replayed = self._codes.get(code, (0, 0))
            self._codes[code] = (recorded + more[0], replayed + more[1])
