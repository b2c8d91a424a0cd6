"""Whoever waits for a key's slots stands in line. Pure.

Only the head of it needs a slot of its own: the turn of whoever comes when the line is long is told from where the line
ends, and how fast it moves. That is an estimate; so he comes back when four fifths of the time are over, and gets the
very slot then.
"""

from collections import deque
from typing import Final

from ...schemas.topics import Lane

#: The share of the time until its turn that a request is away before it asks for the very slot.
_AWAY: Final = 0.8
#: The pace of a line is that between the first and the last of so many slots at least.
_FEWEST: Final = 2


class Line:
    """The line of one key on one lane, as one worker sees it. Times are unix microseconds by the store's clock."""

    def __init__(self, long: int) -> None:
        """Make an empty line; `long` is how many have to have a slot of their own before others are told estimates."""
        self._slots: deque[int] = deque(maxlen=max(long, _FEWEST))
        self._tail_us = 0

    def __repr__(self) -> str:
        return f"<Line of {len(self._slots)} slots, until {self._tail_us}>"

    def reserved(self, slot_us: int) -> None:
        """Hear that one has got its slot."""
        self._slots.append(slot_us)

    def turn_us(self, now_us: int) -> int | None:
        """Return when the turn of one more is expected; None: the line is short, and it has to ask for a slot."""
        slots = self._slots
        if not slots or slots[-1] <= now_us:
            return None
        if self._tail_us <= now_us and (len(slots) < (slots.maxlen or 0) or slots[0] <= now_us):
            return None
        return max(self._tail_us, slots[-1]) + max(0, slots[-1] - slots[0]) // max(1, len(slots) - 1)

    def joined(self, turn_us: int) -> None:
        """Hear that one more stands in the line, whose turn is expected then."""
        self._tail_us = turn_us


class Lines:
    """All lines that one worker sees."""

    def __init__(self, long: int) -> None:
        self._long = long
        self._lines: dict[tuple[str, Lane], Line] = {}

    def __repr__(self) -> str:
        return f"<Lines of {len(self._lines)}>"

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self._lines)

    def reserved(self, key: str, lane: Lane, slot_us: int) -> None:
        """Hear that a request has to leave memory until its slot, which its key's own limits have given it."""
        self._lines.setdefault((key, lane), Line(self._long)).reserved(slot_us)

    def turn_us(self, key: str, lane: Lane, now_us: int) -> int | None:
        """Return when the turn of one more is expected, None if it has to ask for a slot."""
        line = self._lines.get((key, lane))
        return None if line is None else line.turn_us(now_us)

    def joined(self, key: str, lane: Lane, turn_us: int) -> None:
        """Hear that one more stands in line."""
        self._lines[key, lane].joined(turn_us)

    def forget(self) -> None:
        """Forget all lines: requests were cancelled, and nobody knows which stood in them."""
        self._lines.clear()


def back_us(turn_us: int, now_us: int) -> int:
    """Return when whoever expects its turn then asks for its slot.

    >>> back_us(1_000_000, 0)
    800000
    """
    return now_us + int((turn_us - now_us) * _AWAY)
