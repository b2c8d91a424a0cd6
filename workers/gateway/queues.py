"""Requests that wait until something of a limit comes free: one fair queue for each limit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from ...routing.fairness import Fair
from .asking import Ask

#: What comes free at another worker is noticed by asking again: so many at first, more while all are let in.
_FIRST_WAKE: Final = 4
_MOST_WAKE: Final = 256
#: How much one interval counts in the average, once there are many.
_LEARN: Final = 0.1
#: Until something has come free: a guess, microseconds.
_INTERVAL_US: Final = 50_000.0


@dataclass(slots=True)
class _Queue:
    waiting: Fair[Ask] = field(default_factory=Fair[Ask])
    #: Woken, and not heard of since.
    out: int = 0
    wake: int = _FIRST_WAKE
    #: Whether one that was woken came back since.
    came_back: bool = False
    #: Microseconds between two that come free while somebody waits; the mean of so many.
    interval_us: float = _INTERVAL_US
    intervals: int = 0
    #: When the last one came free, None if nobody waited: how long the next one takes says nothing then.
    freed_us: int | None = None
    #: When those that were parked for this limit are expected to be through.
    tail_us: int = 0


class Queues:
    """All queues of one worker."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._queues: dict[str, _Queue] = {}

    def __repr__(self) -> str:
        return f"<Queues {len(self)} waiting for {len(self._queues)} limits>"

    def __len__(self) -> int:
        return sum(len(queue.waiting) for queue in self._queues.values())

    def join(self, limit: str, ask: Ask) -> None:
        """Wait for `limit`."""
        queue = self._queues.setdefault(limit, _Queue())
        queue.came_back = True
        request = ask.request
        queue.waiting.add(ask, request.lane, request.key, ask.weight, ask.cost, ask.deadline_us)

    def leave(self, limit: str, ask: Ask) -> None:
        """Wait no more."""
        self._queues[limit].waiting.remove(ask)

    def asked(self, ask: Ask, *, went: bool) -> None:
        """Hear what became of one that was woken: whoever did not get in is not charged for it."""
        limit, ask.woken_for = ask.woken_for, None
        queue = self._queues.get(limit or "")
        if queue is not None:
            queue.out -= 1
            queue.waiting.correct(ask.request.lane, ask.request.key, 0 if went else -max(ask.cost, 1))

    def freed(self, limits: Iterable[str]) -> None:
        """Hear that one of each came free here: wake the next."""
        now = self._now_us()
        for limit in limits:
            queue = self._queues.get(limit)
            if queue is not None:
                _learn(queue, now)
                self._wake(limit, queue, 1)

    def tick(self) -> None:
        """Wake some of each queue, to see whether something came free elsewhere."""
        for limit, queue in list(self._queues.items()):
            queue.wake = max(1, queue.wake // 2) if queue.came_back else min(_MOST_WAKE, queue.wake * 2)
            queue.came_back = False
            if not self._wake(limit, queue, queue.wake) and not queue.out and queue.tail_us < self._now_us():
                del self._queues[limit]

    def backlog_us(self, limit: str) -> int:
        """Return about how long whoever joins now has to wait, parked requests included, microseconds."""
        queue = self._queues.get(limit)
        if queue is None:
            return 0
        return max(0, queue.tail_us - self._now_us()) + round(len(queue.waiting) * queue.interval_us)

    def parked(self, limit: str, due_us: int) -> None:
        """Hear that a request left memory because of `limit`: the next one's turn is after it."""
        queue = self._queues.setdefault(limit, _Queue())
        queue.tail_us = round(max(queue.tail_us, due_us - len(queue.waiting) * queue.interval_us) + queue.interval_us)

    def _wake(self, limit: str, queue: _Queue, count: int) -> int:
        woken = queue.waiting.take(count, self._now_us())
        queue.out += len(woken)
        for ask in woken:
            ask.woken_for = limit
            ask.wakeup()
        return len(woken)


def _learn(queue: _Queue, now: int) -> None:
    if queue.freed_us is not None:
        queue.intervals += 1
        queue.interval_us += max(_LEARN, 1 / queue.intervals) * (now - queue.freed_us - queue.interval_us)
    queue.freed_us = now if len(queue.waiting) else None
