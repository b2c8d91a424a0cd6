"""What is left of rate limits, as a worker knows it between two answers of the store.

The store says how full a limit is whenever it is asked for some of it. From then on what was taken comes free again
while the window slides over it: evenly, as far as a worker knows, for the answer does not say in which slots it lies.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from ..providers.signals import RateSignal
from .demand import Demand, RateLimit

#: Seconds; of a provider's limit whose window nobody tells.
_USUAL_WINDOW: Final = 60.0
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


class Level(msgspec.Struct, frozen=True):
    """How full a limit is."""

    #: The limit's name.
    limit: str
    #: What is taken in the fullest of all windows that a call now would lie in, reservations included.
    taken: int
    #: Until when nothing of it comes free: now, or the last slot that is reserved, or was, if somebody has given it
    #: back; unix microseconds by the store's clock.
    since_us: int

    def still_taken(self, period_us: int, now_us: int) -> float:
        """Return what is taken yet if nothing came to it."""
        return _still(self.taken, now_us - self.since_us, period_us)


class Told(msgspec.Struct, frozen=True):
    """What an answer of a provider has told of its own limits."""

    at_us: int
    #: The share that is used of each, and the microseconds until it is whole again.
    used: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, signal: RateSignal, at_us: int) -> "Told | None":
        """Read what an answer says; None: nothing of what is left."""
        used = [
            (1 - one.fraction, (one.reset or one.period or _USUAL_WINDOW) * 1_000_000)
            for one in signal.allowances
            if one.fraction is not None
        ]
        return cls(at_us, tuple(used)) if used else None

    def left(self, now_us: int) -> float:
        """Return which share is left of the tightest by now, if nobody has used any since."""
        past_us = now_us - self.at_us
        return 1 - max([_still(used, past_us, window_us) for used, window_us in self.used])


def _still(taken: float, past_us: int, window_us: float) -> float:
    return taken if past_us <= 0 else taken * max(0.0, 1 - past_us / window_us)


class Levels:
    """How full limits are by now: what the store said last, and what was planned since and has not asked yet.

    Without the second all requests that are planned between two answers would go to one deployment.
    """

    def __init__(self) -> None:
        self._heard: dict[str, Level] = {}
        self._planned: dict[str, Level] = {}

    def __repr__(self) -> str:
        return f"<Levels of {len(self._heard)} limits>"

    def heard(self, levels: Iterable[Level], asked: Mapping[str, int] = _NOTHING) -> None:
        """Hear from the store; `asked` is what was asked for in the same call, by limit: it is not only planned now."""
        for level in levels:
            self._heard[level.limit] = level
            planned = self._planned.pop(level.limit, None)
            less = 0 if planned is None else planned.taken - asked.get(level.limit, 0)
            if planned is not None and less > 0:
                self._planned[level.limit] = Level(level.limit, less, planned.since_us)

    def planned(self, limit: RateLimit, amount: int, now_us: int) -> None:
        """Hear that so much is going to be asked for. Who never does is forgotten as the window slides."""
        before = self._planned.get(limit.name)
        there = 0 if before is None else round(before.still_taken(limit.period_us, now_us))
        self._planned[limit.name] = Level(limit.name, there + amount, now_us)

    def left(self, limit: RateLimit, now_us: int) -> float:
        """Return which share of a limit is left, at most 1; below 0 if more is planned than there is."""
        heard, planned = self._heard.get(limit.name), self._planned.get(limit.name)
        taken = 0.0 if heard is None else heard.still_taken(limit.period_us, now_us)
        if planned is not None:
            taken += planned.still_taken(limit.period_us, now_us)
        return 1 - taken / limit.limit


def asked_anew(demands: Sequence[Demand]) -> Mapping[str, int]:
    """Return what demands ask of watched limits, by limit; who presents a ticket has asked before."""
    asked: dict[str, int] = {}
    for demand in demands:
        if demand.ticket_us is None:
            for charge in demand.charges:
                if charge.limit.watched:
                    asked[charge.limit.name] = asked.get(charge.limit.name, 0) + charge.amount
    return asked
