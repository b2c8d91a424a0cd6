"""What happens when the group shares its partitions out anew.

Every rebalance takes all partitions from all members and gives them out again (aiokafka knows no other kind). Taken:
stop admitting, let the calls under way end for a while, commit. Given: find out what is committed, go on from there.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Final

from aiokafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition

from ....producers.kafka_wire import PAUSE_SECONDS
from .bell import Bell
from .fate import Fate
from .member import MemberConsumer
from .membership import NOBODY
from .outbox import Outbox
from .partitions import Partitions
from .tracker import Commit

_log = logging.getLogger(__name__)

#: aiokafka sends no heartbeat while it waits for us to take what is assigned; so we take it beside.
_ATTACHING: Final = "kafka bus: attach"


class Rebalance(ConsumerRebalanceListener):
    """Hears from aiokafka what is taken and what is given."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        partitions: Partitions,
        outbox: Outbox,
        bell: Bell,
        fate: Fate,
        consumer: Callable[[], MemberConsumer],
        *,
        group: str,
        drain_seconds: float,
    ) -> None:
        self._partitions = partitions
        self._outbox = outbox
        self._bell = bell
        self._fate = fate
        self._consumer = consumer
        self._group = group
        self._drain_seconds = drain_seconds
        self._attaching: asyncio.Task[None] | None = None
        self.membership = NOBODY
        self._stopped = False
        #: aiokafka's assignment that the trackers belong to: records fetched under another one are void.
        self.assignment: object = None

    def stop(self) -> None:
        """Take nothing any more."""
        self._stopped = True
        self._give_up_attaching()

    def _give_up_attaching(self) -> None:
        if self._attaching is not None:
            self._attaching.cancel()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Give everything back."""
        try:
            await self._give_back(revoked)
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it and go on
            self._fate.lose(error)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take what is ours now."""
        try:
            self._take(assigned)
        except Exception as error:  # noqa: BLE001 - as above
            self._fate.lose(error)

    def _take(self, assigned: Collection[TopicPartition]) -> None:
        consumer = self._consumer()
        self.membership = consumer.membership()
        self._partitions.keep(assigned)
        self._outbox.poke()
        if self._stopped:
            return
        self._attaching = self._fate.watch(self._attach(consumer, assigned), _ATTACHING)

    async def _give_back(self, revoked: Collection[TopicPartition]) -> None:
        self._partitions.admitting = False
        self._bell.ring()
        self._give_up_attaching()
        trackers = self._partitions.of(revoked)
        await drained(self._bell, lambda: any(tracker.out for tracker in trackers), self._drain_seconds)
        await self._outbox.flush(then=self._partitions.suspend)
        left = sum(tracker.out for tracker in trackers)
        _log.info("gave back %d partitions with %d requests still under way", len(trackers), left)

    async def _attach(self, consumer: MemberConsumer, assigned: Collection[TopicPartition]) -> None:
        """Take what is certain to be committed, and the rest when it is.

        The transaction of a worker that died in the middle of it stays open for some seconds: that is no reason for the
        other partitions to stand still.
        """
        assignment = consumer.current_assignment()
        uncertain, late = set(assigned), False
        while True:
            found = await consumer.committed_by(self._group, uncertain)
            certain, uncertain = uncertain - found.uncertain, found.uncertain
            if certain or not late:
                await self._take_up(consumer, certain, found.offsets, late=late)
                self.assignment = assignment
                self._bell.ring()
                self._outbox.poke()
            if not uncertain:
                return
            late = True
            await asyncio.sleep(PAUSE_SECONDS)

    async def _take_up(
        self,
        consumer: MemberConsumer,
        partitions: Collection[TopicPartition],
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        *,
        late: bool,
    ) -> None:
        committed = {tp: Commit(*offsets[tp]) for tp in partitions if tp in offsets}
        committed |= await self._cut(consumer, committed)
        starts = await consumer.beginning_offsets(partitions) if late else {}
        self._partitions.take({tp: committed.get(tp) for tp in partitions}, late=late)
        for tp, start in starts.items():
            consumer.seek(tp, committed[tp].offset if tp in committed else start)
        _log.info("took %d partitions", len(partitions))

    async def _cut(
        self, consumer: MemberConsumer, committed: Mapping[TopicPartition, Commit]
    ) -> dict[TopicPartition, Commit]:
        """Find partitions whose log ends before their committed offset, and begin at its end.

        It happens when a broker loses what it had acknowledged. aiokafka would begin at the beginning, and have
        everything that the log still holds run, and paid, again.
        """
        ends = await consumer.end_offsets(list(committed)) if committed else {}
        cut = {tp: Commit(ends[tp]) for tp, commit in committed.items() if ends[tp] < commit.offset}
        for tp, (end, _) in cut.items():
            _log.error(
                "%s/%d ends at %d, but %d is committed: its broker has lost records", *tp, end, committed[tp].offset
            )
            consumer.seek(tp, end)
        return cut


async def drained(bell: Bell, busy: Callable[[], bool], seconds: float) -> None:
    """Wait, at most `seconds`, while `busy()`."""
    try:
        async with asyncio.timeout(seconds):
            await bell.until(lambda: not busy())
    except TimeoutError:
        pass  # what is still under way is delivered again, to whoever has the partition then
