"""How much is in use at each moment, past and to come: calls under way, or what they hold of a budget.

A step function, kept as the moments at which it changes. Steps that cancel out are not kept, so a limit that is used up
for hours is one step, however many calls follow each other in it.
"""

from bisect import bisect_left, bisect_right


class Timeline:
    """The use of one thing over time; times are unix microseconds."""

    def __init__(self) -> None:
        self._times: list[int] = []
        #: How much is in use from each of the times on; nothing after the last.
        self._levels: list[int] = []
        #: The last moment at which a use begins: from then on it only gets less.
        self._last_begin = 0

    def __len__(self) -> int:
        return len(self._times)

    def __repr__(self) -> str:
        return f"<Timeline of {len(self)} steps>"

    def level(self, at_us: int) -> int:
        """Return how much is in use at a moment."""
        place = bisect_right(self._times, at_us) - 1
        return self._levels[place] if place >= 0 else 0

    def first_room(self, at_us: int, duration_us: int, amount: int, capacity: int) -> int:
        """Return the first moment, from `at_us` on, from which there is room for `amount` all the time.

        `amount` must not be larger than `capacity`.
        """
        times, levels, most, last = self._times, self._levels, capacity - amount, self._last_begin
        begin, place = at_us, max(bisect_right(times, at_us) - 1, 0)
        while place < len(times) and times[place] < begin + duration_us and times[place] <= max(begin, last):
            if levels[place] > most:
                while levels[place] > most:
                    place += 1
                begin = max(begin, times[place])
            place += 1
        return begin

    def add(self, begin_us: int, end_us: int, amount: int) -> None:
        """Use an amount from a moment until before another."""
        if not amount or begin_us >= end_us:
            return
        self._last_begin = max(self._last_begin, begin_us)
        first, last = self._step(begin_us), self._step(end_us)
        self._levels[first:last] = [level + amount for level in self._levels[first:last]]
        self._drop_if_flat(last)
        self._drop_if_flat(first)

    def forget(self, before_us: int) -> None:
        """Forget what was before a moment."""
        place = bisect_right(self._times, before_us) - 1
        if place > 0:
            del self._times[:place]
            del self._levels[:place]

    def _step(self, at_us: int) -> int:
        """Return the place of the step at a moment, made if there is none."""
        place = bisect_left(self._times, at_us)
        if place == len(self._times) or self._times[place] != at_us:
            self._levels.insert(place, self._levels[place - 1] if place else 0)
            self._times.insert(place, at_us)
        return place

    def _drop_if_flat(self, place: int) -> None:
        if self._levels[place] == (self._levels[place - 1] if place else 0):
            del self._times[place]
            del self._levels[place]
