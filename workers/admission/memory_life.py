"""What the reference model of the store holds."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...routing.admission.calendar import LIVES
from ...routing.admission.demand import BudgetWindow
from .port import Alert, Phase

#: A limit's calendar, and a budget's window, go by these: with another period, or another start, it is another one.
CalendarKey = tuple[str, int]
WindowKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that lasts, as the store knows it."""

    at_us: int
    counted_us: int
    parallel: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What an attempt holds of budgets."""

    at_us: int
    amounts: Mapping[WindowKey, int]


@dataclass(slots=True)
class Member:
    """A worker that is counted on."""

    heard_us: int
    #: Heard of without a gap since.
    since_us: int


@dataclass(slots=True)
class Life:
    """All that one life of the store holds."""

    epoch: str = ""
    phase: Phase = Phase.EMPTY
    cursors: dict[str, str] = field(default_factory=dict[str, str])
    calendars: dict[CalendarKey, Counter[int]] = field(default_factory=dict[CalendarKey, Counter[int]])
    calls: dict[str, dict[str, Call]] = field(default_factory=dict[str, dict[str, Call]])
    holds: dict[str, Held] = field(default_factory=dict[str, Held])
    settled: Counter[WindowKey] = field(default_factory=Counter[WindowKey])
    #: The most that was ever settled in a window: thresholds below it were told of.
    peaks: Counter[WindowKey] = field(default_factory=Counter[WindowKey])
    #: Attempts whose event is in the ledger and whose hold was not here: it must not come later.
    ended: set[str] = field(default_factory=set[str])
    #: What the last append was answered.
    alerts: Sequence[Alert] = ()
    #: Workers that have taken part in this life.
    joined: set[str] = field(default_factory=set[str])

    @property
    def number(self) -> int:
        """What marks the tickets of this life."""
        return zlib.crc32(self.epoch.encode()) % LIVES


def window_key(window: BudgetWindow) -> WindowKey:
    """Return what tells a budget's windows apart."""
    return window.name, window.start_us
