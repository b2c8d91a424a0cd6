"""Faults that are switched on and off while the simulator runs."""

import msgspec

from .faults import Fault, FaultRate, checked_rates


class Outage(msgspec.Struct, frozen=True):
    """A fault, its share of the attempts, and when it ends by itself (monotonic seconds; None: never)."""

    text: str
    fault: Fault
    rate: float
    until: float | None = None


class Outages:
    """The outages under way."""

    def __init__(self) -> None:
        self._outages: tuple[Outage, ...] = ()

    def start(self, outage: Outage) -> None:
        """Begin an outage, in place of one of the same fault; raises `FaultSyntaxError` if the rates exceed 1."""
        others = tuple(each for each in self._outages if each.fault != outage.fault)
        checked_rates([FaultRate(each.fault, each.rate) for each in (*others, outage)])
        self._outages = (*others, outage)

    def end(self) -> None:
        """End them all."""
        self._outages = ()

    def now(self, time: float) -> tuple[Outage, ...]:
        """Return the outages under way at `time`, and forget those that are over."""
        if self._outages:
            self._outages = tuple(each for each in self._outages if each.until is None or time < each.until)
        return self._outages
