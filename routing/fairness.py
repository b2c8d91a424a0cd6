"""Which ready request goes next: lanes by priority with a floor, keys by weight, requests by deadline.

Within a lane, keys share by *attained service* in tokens, by start-time fair queueing: P. Goyal, H. M. Vin, H. Cheng,
"Start-Time Fair Queuing", SIGCOMM 1996. Each key has a tag, its attained service over its weight; the lowest tag goes
next, and the lane's virtual time is the tag of the last that went. A key that comes back starts at the virtual time, so
idleness is no credit; what it was served beyond that before it left is still held against it.

Requests of one key go by deadline, then by arrival. A key whose next request is near its deadline is moved ahead by a
fixed stretch of virtual time, never more (the warp of K. J. Duda, D. R. Cheriton, "Borrowed-Virtual-Time Scheduling",
SOSP 1999): what it takes then, it pays back.

Bounds, for requests of at most C tokens. Two keys of one lane that both have requests waiting: over any stretch of time
their services over their weights differ by at most C/weight of the one + C/weight of the other + 2 `LIFT`. A lane that
waits gets at least 1/`FLOOR` of what the other lanes get, less 19/`FLOOR` C. Charges are whole numbers: nothing drifts.
"""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

from ..schemas.topics import Lane

#: A waiting lane gets at least this part of the others' service. At a sixteenth, standard and bulk together cost the
#: urgent lane an eighth of its pace; a much smaller floor would be none, a much larger one would be no priority.
FLOOR: Final = 16
#: Microseconds. A deadline nearer than this lifts: a call takes seconds, and with a retry up to a minute.
NEAR_US: Final = 60_000_000
#: Tokens, at weight 1. How far a near deadline moves a key ahead: one long request, or dozens of usual ones.
LIFT: Final = 65_536
#: Virtual time per token at weight 1, so that weights up to 1,000 keep their precision.
_SCALE: Final = 1 << 20
#: Keys without requests that are remembered because they are ahead; those that are least ahead are forgotten first.
_REMEMBERED: Final = 10_000

Item = TypeVar("Item", bound=Hashable)


class Fair(Generic[Item]):
    """The requests that are ready to go, and what their keys were served. Items are hashable, and each is in once.

    Every item that was taken must be told of once with `correct` when it has ended, also when the estimate was right.
    """

    def __init__(self) -> None:
        self._lanes: dict[Lane, _Lane[Item]] = {lane: _Lane() for lane in Lane}
        self._waiting: dict[Item, _Waiting[Item]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __repr__(self) -> str:
        lanes = ", ".join(f"{name} {lane.waiting}" for name, lane in self._lanes.items())
        return f"<Fair {len(self)} waiting: {lanes}>"

    def waiting(self, lane: Lane, key: str) -> int:
        """Return how many requests of a key wait in a lane."""
        flow = self._lanes[lane].flows.get(key)
        return 0 if flow is None else flow.waiting

    def add(self, item: Item, lane: Lane, key: str, weight: float, cost: int, deadline_us: int) -> None:
        """Let a request wait. `weight` is its key's, above 0; `cost` is its estimated tokens; the deadline is absolute.

        Raises ValueError for an item that waits already.
        """
        if item in self._waiting:
            raise ValueError(f"expected an item that does not wait yet, got {item!r}")
        self._waiting[item] = self._lanes[lane].add(key, weight, _Waiting(item, max(cost, 1), deadline_us))

    def take(self, most: int, now_us: int) -> list[Item]:
        """Take the next requests, `most` or all that there are, and charge their keys with the estimates."""
        return [self._next(now_us) for _ in range(min(most, len(self)))]

    def correct(self, lane: Lane, key: str, delta: int) -> None:
        """Hear that a taken request has ended, and how many tokens more it took than was estimated (less: negative).

        Raises ValueError if no request of the key was taken from this lane that has not ended.
        """
        self._lanes[lane].correct(key, delta)

    def remove(self, item: Item) -> bool:
        """Take an item out uncharged; say whether it was waiting."""
        entry = self._waiting.pop(item, None)
        if entry is not None:
            entry.flow.lane.remove(entry)
        return entry is not None

    def _next(self, now_us: int) -> Item:
        lane, entry = self._first(now_us)
        lane.take(entry)
        for other in self._lanes.values():
            other.served(-FLOOR * entry.cost if other is lane else entry.cost)
        del self._waiting[entry.item]
        return entry.item

    def _first(self, now_us: int) -> "tuple[_Lane[Item], _Waiting[Item]]":
        """Return the most urgent lane that has earned its next request by waiting, else the most urgent one."""
        urgent, *others = (lane for lane in self._lanes.values() if lane.waiting)
        for lane in others:
            entry = lane.first(now_us)
            if lane.owed >= FLOOR * entry.cost:
                return lane, entry
        return urgent, urgent.first(now_us)


class _Waiting(Generic[Item]):
    """A request that waits."""

    __slots__ = ("cost", "deadline_us", "flow", "gone", "item")

    flow: "_Flow[Item]"

    def __init__(self, item: Item, cost: int, deadline_us: int) -> None:
        self.item = item
        self.cost = cost
        self.deadline_us = deadline_us
        self.gone = False


class _Flow(Generic[Item]):
    """One key in one lane."""

    __slots__ = ("back", "idle", "key", "lane", "near", "placed", "queue", "running", "tag", "waiting", "weight")

    def __init__(self, key: str, lane: "_Lane[Item]") -> None:
        self.key = key
        self.lane = lane
        self.weight = 1.0
        #: Attained service over weight, in virtual time.
        self.tag = lane.now
        #: The virtual time at which requests began to wait again: no credit from before.
        self.back = lane.now
        #: By deadline, then arrival; some may be gone.
        self.queue: list[tuple[int, int, _Waiting[Item]]] = []
        self.waiting = 0
        #: Taken, and their end not told yet.
        self.running = 0
        #: The numbers of this flow's entries in its lane's heaps; entries with other numbers are void.
        self.placed = self.near = self.idle = -1

    def start(self) -> int:
        """Return the tag of the next request."""
        return max(self.tag, self.back)

    def charge(self, tokens: int) -> None:
        self.tag += round(tokens * _SCALE / self.weight)

    def head(self) -> "_Waiting[Item] | None":
        while self.queue and self.queue[0][2].gone:
            heappop(self.queue)
        return self.queue[0][2] if self.queue else None

    def sweep(self) -> None:
        """Drop what is gone when it is most of the queue."""
        if len(self.queue) > 2 * self.waiting + 16:
            self.queue = [entry for entry in self.queue if not entry[2].gone]
            heapify(self.queue)


#: Flows by some number; void entries among them.
_Heap = list[tuple[int, int, _Flow[Item]]]


class _Lane(Generic[Item]):
    """The keys of one lane, in the order in which they go."""

    def __init__(self) -> None:
        self.flows: dict[str, _Flow[Item]] = {}
        self.waiting = 0
        #: Tokens: what the others were served while this lane waited, less `FLOOR` times what it was. Never a debt.
        self.owed = 0
        #: The virtual time.
        self.now = 0
        #: The latest deadline that counts as near.
        self._near_us = 0
        self._numbers = count()
        #: Flows with requests by tag, those that are not lifted by deadline, those without requests by tag.
        self._order: _Heap[Item] = []
        self._deadlines: _Heap[Item] = []
        self._idle: _Heap[Item] = []

    def add(self, key: str, weight: float, entry: _Waiting[Item]) -> _Waiting[Item]:
        flow = self.flows.get(key)
        if flow is None:
            flow = self.flows[key] = _Flow(key, self)
        flow.weight = weight
        if not flow.waiting:
            flow.back = self.now
        entry.flow = flow
        heappush(flow.queue, (entry.deadline_us, next(self._numbers), entry))
        flow.waiting += 1
        self.waiting += 1
        if flow.head() is entry:
            self._place(flow)
        return entry

    def first(self, now_us: int) -> _Waiting[Item]:
        """Return the request that goes next; there must be one."""
        self._lift(now_us + NEAR_US)
        while self._order[0][2].placed != self._order[0][1]:
            heappop(self._order)
        return self._order[0][2].queue[0][2]  # a flow is placed anew whenever its first request changes

    def take(self, first: _Waiting[Item]) -> None:
        """Take the first request out and charge its key."""
        self.now = max(self.now, self._order[0][0])
        flow = first.flow
        flow.tag = flow.start()
        flow.charge(first.cost)
        flow.running += 1
        self.remove(first)
        self._forget()

    def remove(self, entry: _Waiting[Item]) -> None:
        entry.gone = True
        entry.flow.waiting -= 1
        self.waiting -= 1
        entry.flow.sweep()
        self._place(entry.flow)

    def correct(self, key: str, delta: int) -> None:
        flow = self.flows.get(key)
        if flow is None or not flow.running:
            raise ValueError(f"expected a key of which a taken request has not ended yet, got {key!r}")
        flow.running -= 1
        flow.charge(delta)
        self._place(flow)

    def served(self, tokens: int) -> None:
        """Hear that another lane was served, or that this one was: then `tokens` is below 0, and `FLOOR` times that."""
        self.owed = max(self.owed + tokens, 0) if self.waiting else 0

    def _place(self, flow: _Flow[Item]) -> None:
        """Enter a flow where its tag and its first request belong; its older entries are void from now on."""
        flow.placed = flow.near = flow.idle = -1
        head = flow.head()
        if head is not None:
            self._enter(flow, head.deadline_us)
        elif not flow.running:
            flow.idle = next(self._numbers)
            heappush(self._idle, (flow.tag, flow.idle, flow))

    def _enter(self, flow: _Flow[Item], deadline_us: int) -> None:
        lifted = deadline_us <= self._near_us
        flow.placed = next(self._numbers)
        heappush(self._order, (flow.start() - LIFT * _SCALE * lifted, flow.placed, flow))
        if not lifted:
            flow.near = flow.placed
            heappush(self._deadlines, (deadline_us, flow.near, flow))
        if len(self._order) > 2 * len(self.flows) + 64:
            self._order = [entry for entry in self._order if entry[2].placed == entry[1]]
            heapify(self._order)
        if len(self._deadlines) > 2 * len(self.flows) + 64:
            self._deadlines = [entry for entry in self._deadlines if entry[2].near == entry[1]]
            heapify(self._deadlines)

    def _lift(self, near_us: int) -> None:
        """Move those ahead whose deadline has come near."""
        self._near_us = max(self._near_us, near_us)
        while self._deadlines and self._deadlines[0][0] <= self._near_us:
            _, number, flow = heappop(self._deadlines)
            if flow.near == number:
                self._place(flow)

    def _forget(self) -> None:
        """Forget keys that have nothing waiting and are not ahead: they would start anew at the virtual time."""
        while self._idle and (self._idle[0][0] <= self.now or len(self._idle) > _REMEMBERED):
            _, number, flow = heappop(self._idle)
            if flow.idle == number:
                del self.flows[flow.key]
