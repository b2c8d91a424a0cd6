"""Records in: from FastStream's batches to the gateway, with a tracker for each."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from aiokafka import ConsumerRecord

from ....schemas.record import Record
from ..port import Admit, BusLost, Delivery
from .bell import Bell
from .fate import Fate
from .load import Handle
from .member import MemberConsumer
from .partitions import Partitions
from .rebalance import Rebalance
from .shelf import Shelf
from .tracker import Standing, Tracker, WentBackError

_log = logging.getLogger(__name__)

#: What is handed to the gateway at a time: of a batch that has to wait for room, the rest can still be given back.
_HANDFUL: Final = 64
#: After fewer records than a handful, so long a pause: a fetch costs as much as twenty records do. A request that comes
#: alone does not wait for it.
_GATHER_SECONDS: Final = 0.01


class Intake:
    """Admits records. While the gateway has no room, it waits, and so does the fetching behind it."""

    def __init__(  # noqa: PLR0913 - its collaborators, and time
        self,
        partitions: Partitions,
        rebalance: Rebalance,
        bell: Bell,
        fate: Fate,
        consumer: Callable[[], MemberConsumer],
        shelf: Shelf,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._partitions = partitions
        self._rebalance = rebalance
        self._bell = bell
        self._fate = fate
        self._consumer = consumer
        self._shelf = shelf
        self._now = now
        self._sleep = sleep
        self._admit: Admit | None = None
        self._admitting: asyncio.Task[None] | None = None
        #: What was fetched now, and what is due now, come to the gateway one after the other.
        self._turn = asyncio.Lock()
        #: Whether nothing is delivered any more.
        self.stopped = False

    def start(self, admit: Admit) -> None:
        """Deliver to `admit` from now on."""
        self._admit = admit

    def stop(self) -> None:
        """Deliver no more."""
        self.stopped = True
        self._bell.ring()

    async def abandon(self) -> None:
        """Give up an `admit` that is still waiting for room."""
        task = self._admitting
        if task is None:
            return
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the gateway failed to admit", exc_info=error)

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        """Take a batch in: what FastStream calls, one batch after the other."""
        await self._guarded(self._handle(records))

    async def wake(self) -> None:
        """Deliver what is parked, each record when it is due; for ever."""
        await self._guarded(self._wake())

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except WentBackError as error:
            self._fate.lose(BusLost(f"a log went back; was a broker's disk restored, or a topic made anew? {error}"))
        except Exception as error:  # noqa: BLE001 - FastStream would swallow it and go on with the next batch
            self._fate.lose(error)

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        # Records come as soon as aiokafka has an assignment; what is committed there, we know a moment later.
        assignment, turn = self._consumer().current_assignment(), self._partitions.turn
        await self._bell.until(lambda: self._ready(assignment) or self._void(assignment))
        parked = [r for r in records if self._shelf.is_for(r.topic) and self._counts(r, turn)]
        if parked and assignment is not None and self._ready(assignment):
            self._shelf.put(parked, assignment)
        await self._deliver([r for r in records if not self._shelf.is_for(r.topic)], assignment, turn)
        if len(records) < _HANDFUL:
            await self._sleep(_GATHER_SECONDS)

    async def _wake(self) -> None:
        while True:
            await self._shelf.due()
            assignment = self._shelf.assignment
            await self._deliver(self._shelf.take(_HANDFUL), assignment, self._partitions.turn)

    async def _deliver(self, records: Sequence[ConsumerRecord], assignment: object, turn: int) -> None:
        for start in range(0, len(records), _HANDFUL):
            handful = records[start : start + _HANDFUL]
            await self._bell.until(self._room_for(handful, assignment))
            async with self._turn:
                if not self._ready(assignment):
                    return  # void: they are fetched again, by whoever has them now
                deliveries = list(self._deliveries(handful, turn))
                if deliveries:
                    await self._hand_over(deliveries)

    def _void(self, assignment: object) -> bool:
        """Say whether what was fetched under `assignment` will never be admitted."""
        return self.stopped or self._fate.over or self._consumer().current_assignment() is not assignment

    def _ready(self, assignment: object) -> bool:
        """Say whether what was fetched under `assignment` may be admitted."""
        if self.stopped or self._fate.over:
            return False
        return self._partitions.admitting and self._rebalance.assignment is assignment

    def _room_for(self, records: Sequence[ConsumerRecord], assignment: object) -> Callable[[], bool]:
        return lambda: not self._ready(assignment) or self._has_room(records)

    def _has_room(self, records: Sequence[ConsumerRecord]) -> bool:
        last = {(r.topic, r.partition): r.offset for r in records}
        trackers = [(self._partitions.get(*place), offset) for place, offset in last.items()]
        return all(
            tracker is None or tracker.standing is not Standing.OWNED or tracker.has_room(offset, len(records))
            for tracker, offset in trackers
        )

    def _deliveries(self, records: Iterable[ConsumerRecord], turn: int) -> Iterable[Delivery]:
        for r in records:
            tracker = self._partitions.get(r.topic, r.partition)
            if tracker is None or not _counts(tracker, turn):
                continue  # void: it is fetched again when the partition is taken
            at_ms = r.timestamp if r.timestamp >= 0 else int(self._now() * 1000)
            if tracker.admit(r.offset, at_ms):
                yield _delivery(r, tracker, at_ms)

    def _counts(self, r: ConsumerRecord, turn: int) -> bool:
        tracker = self._partitions.get(r.topic, r.partition)
        return tracker is not None and _counts(tracker, turn)

    async def _hand_over(self, deliveries: Sequence[Delivery]) -> None:
        """Give deliveries to the gateway and wait until it has room for more, or until we stop."""
        admit = self._admit
        if admit is None:
            raise BusLost("expected to be started before records come, got records")
        task = self._admitting = asyncio.ensure_future(admit(deliveries))
        task.add_done_callback(lambda _: self._bell.ring())
        await self._bell.until(lambda: self.stopped or self._fate.over or task.done())
        if task.done():
            task.result()


def _counts(tracker: Tracker, turn: int) -> bool:
    """Say whether what was fetched before `turn` is still to be run here."""
    return tracker.standing is Standing.OWNED and tracker.since <= turn


def _delivery(r: ConsumerRecord, tracker: Tracker, at_ms: int) -> Delivery:
    place = f"{r.topic}/{r.partition}/{r.offset}"
    record = Record(r.topic, r.value, r.key, tuple(r.headers))
    return Delivery(record, place, at_ms, Handle(tracker, r.offset))
