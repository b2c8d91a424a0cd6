"""Rate limits on a virtual clock: their calendars (`admission/calendar.py`), to which time only adds.

A file may put a hundred thousand requests behind one limit. Since nothing is ever given back here, what once had no
room for an amount never has room for a larger one: each search begins where the last ones have found the first room.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..admission.calendar import WINDOW, Opening, earliest, next_fit, slot_at, slot_length, ticket_at
from ..admission.demand import Charge, RateLimit

#: The virtual store has one life.
_LIFE: Final = 0


class Calendars:
    """What all rate limits have given away. The clock only goes forward."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Kept] = {}
        self._now_us = 0

    def __repr__(self) -> str:
        return f"<Calendars of {len(self._kept)} limits>"

    def advance(self, now_us: int) -> None:
        """Let the clock go on: nothing will begin before."""
        self._now_us = max(self._now_us, now_us)

    def opening(self, charges: Sequence[Charge], at_us: int) -> Opening:
        """Return the first time, from `at_us` on, at which each charge fits; as `earliest` does, and sooner."""
        wanted = [charge for charge in charges if charge.amount]
        if not wanted:
            return Opening(at_us, "")
        alone = [self._of(charge.limit).alone(charge, at_us, self._now_us) for charge in wanted]
        latest = max(alone)
        limit = wanted[alone.index(latest)].limit.name
        if len(wanted) == 1 or latest == at_us:
            return Opening(latest, limit)
        return Opening(earliest([(it, self._of(it.limit).slots) for it in wanted], latest, _LIFE).at_us, limit)

    def take(self, charges: Sequence[Charge], at_us: int) -> None:
        """Give away."""
        for charge in charges:
            if charge.amount:
                self._of(charge.limit).slots[slot_at(charge.limit, at_us)] += charge.amount

    def forget(self) -> None:
        """Forget what no window from now on can touch, and limits that nobody uses any more."""
        for name, kept in list(self._kept.items()):
            kept.forget(self._now_us)
            if not kept.slots:
                del self._kept[name]

    def _of(self, limit: RateLimit) -> "_Kept":
        name = (limit.name, limit.period_us)
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = _Kept(limit)
        return kept


class _Kept:
    """One limit's calendar, and how far it is full."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.slots: Counter[int] = Counter()
        #: Rising both: from now until before the slot there is no room for the amount, nor for a larger one.
        self._amounts: list[int] = []
        self._until: list[int] = []

    def alone(self, charge: Charge, at_us: int, now_us: int) -> int:
        """Return the first time from `at_us` on at which a charge fits into its own limit."""
        limit, slot = charge.limit, slot_at(charge.limit, at_us)
        known = self._full_until(charge.amount)
        found = next_fit(limit, self.slots, charge.amount, max(slot, known))
        if slot <= max(known, slot_at(limit, now_us)):
            self._learn(charge.amount, found)
        return at_us if found == slot else ticket_at(found * slot_length(limit), _LIFE)

    def forget(self, now_us: int) -> None:
        first = slot_at(self.limit, now_us) - WINDOW
        if any(slot < first for slot in self.slots):
            self.slots = Counter({slot: amount for slot, amount in self.slots.items() if slot >= first})

    def _full_until(self, amount: int) -> int:
        place = bisect_right(self._amounts, amount)
        return self._until[place - 1] if place else 0

    def _learn(self, amount: int, slot: int) -> None:
        if slot <= self._full_until(amount):
            return
        place = bisect_right(self._amounts, amount - 1)
        end = place
        while end < len(self._until) and self._until[end] <= slot:
            end += 1
        self._amounts[place:end] = [amount]
        self._until[place:end] = [slot]
