"""The arithmetic of rate limits: a calendar of what has gone through a limit, and of what is going to.

The period of a limit is divided into 32 slots. A window of the period's length, wherever it begins, touches at most 33
of them, so no window holds more than the limit if no 33 slots in a row do. Slots of the future can be taken like
those of the present. That is why it is a calendar and not one number, such as a bucket's level or GCRA's time: a
demand that waits for one limit must not push back others that could go through another now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .demand import Charge, RateLimit

#: Slots in a period.
SLOTS: Final = 32
#: Slots in a row that a window of the period's length can touch.
WINDOW: Final = SLOTS + 1

#: A ticket's last three digits name the life of the store that gave it: in another life nothing is reserved for it.
LIVES: Final = 1000
#: Below this a slot would have no room for them.
SHORTEST_PERIOD_US: Final = 100_000

_LEAST_GRACE_US: Final = 100_000
_MOST_GRACE_US: Final = 5_000_000

#: Slot → amount. Slots that are not in it are empty.
Slots = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Opening:
    """The earliest time at which several charges fit, each into its own limit."""

    at_us: int
    #: The limit that alone would have had the longest wait; of several the first.
    limit: str


def slot_length(limit: RateLimit) -> int:
    """Return the length of a slot, microseconds: 32 of them are at least a period."""
    return -(-limit.period_us // SLOTS)


def slot_at(limit: RateLimit, at_us: int) -> int:
    """Return the number of the slot that a time lies in."""
    return at_us // slot_length(limit)


def grace_us(limit: RateLimit) -> int:
    """Return how late a ticket may be presented and be moved to the slot of that time, if there is room.

    Within its own slot it is good in any case. Later, and without room, it is void: whoever is let in later than he is
    counted makes more than the limit somewhere.
    """
    return max(slot_length(limit), min(max(limit.period_us // 4, _LEAST_GRACE_US), _MOST_GRACE_US))


def next_fit(limit: RateLimit, slots: Slots, amount: int, slot: int) -> int:
    """Return the first slot with room, from `slot` on. `amount` must not be larger than the limit.

    An amount larger than the burst, which no slot would ever have room for, may have an empty slot for itself.
    """
    while True:
        full = _last_full_window(limit, slots, amount, slot)
        there = slots.get(slot, 0)
        if full is not None:
            slot = full + WINDOW  # nothing before that is outside of the window that is full
        elif there and there + amount > limit.burst:
            slot += 1
        else:
            return slot


def fits(limit: RateLimit, slots: Slots, amount: int, slot: int) -> bool:
    """Return whether there is room in a slot."""
    return next_fit(limit, slots, amount, slot) == slot


def fullest(slots: Slots, slot: int) -> int:
    """Return what is in the fullest of the windows that a slot lies in."""
    held = most = sum(slots.get(s, 0) for s in range(slot, slot + WINDOW))
    for begin in range(slot, slot - SLOTS, -1):
        held += slots.get(begin - 1, 0) - slots.get(begin + SLOTS, 0)
        most = max(most, held)
    return most


def _last_full_window(limit: RateLimit, slots: Slots, amount: int, slot: int) -> int | None:
    """Return where the last window begins, of those with `slot`, that has no room for an amount; None: all have."""
    held = sum(slots.get(s, 0) for s in range(slot, slot + WINDOW))
    for begin in range(slot, slot - WINDOW, -1):
        if held + amount > limit.limit:
            return begin
        held += slots.get(begin - 1, 0) - slots.get(begin + SLOTS, 0)
    return None


def earliest(wanted: Sequence[tuple[Charge, Slots]], start_us: int, life: int) -> Opening:
    """Return the earliest time, from `start_us` on, at which every charge fits; if it is later, it makes a ticket."""
    alone = [_from(charge, slots, start_us, life) for charge, slots in wanted]
    latest = max(alone)
    limit = wanted[alone.index(latest)][0].limit.name
    at_us = latest
    while (later := max(_from(charge, slots, at_us, life) for charge, slots in wanted)) > at_us:
        at_us = later
    return Opening(at_us, limit)


def out_of_reach(wanted: Sequence[tuple[Charge, Slots]], at_us: int, start_us: int, life: int) -> str | None:
    """Return the first limit in which `at_us` may not be reserved, because it is the reason for so long a wait.

    Limits that can be reserved so far ahead say when the others are needed; only what these add counts against them.
    """
    wait = at_us - start_us
    patient = [one for one in wanted if one[0].limit.ahead_us >= wait]
    if len(patient) == len(wanted):
        return None
    needed_us = earliest(patient, start_us, life).at_us if patient else start_us
    limits = (charge.limit for charge, _ in wanted)
    return next((limit.name for limit in limits if limit.ahead_us < min(wait, at_us - needed_us)), None)


def ticket_at(at_us: int, life: int) -> int:
    """Return the first time, from `at_us` on, that can be a ticket of this life of the store."""
    return at_us + (life - at_us) % LIVES


def _from(charge: Charge, slots: Slots, at_us: int, life: int) -> int:
    """Return the earliest time from `at_us` on at which a charge fits alone."""
    limit = charge.limit
    slot = next_fit(limit, slots, charge.amount, slot_at(limit, at_us))
    return at_us if slot == slot_at(limit, at_us) else ticket_at(slot * slot_length(limit), life)
