"""The consumer as a member of its group: what aiokafka knows and does not tell."""

import asyncio
from collections.abc import Collection, Sequence
from typing import cast

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError

from ....producers.kafka_consumer import PersistentConsumer
from ....producers.kafka_wire import Committed, look_up_committed
from .membership import Membership


class MemberConsumer(PersistentConsumer):
    """A consumer that can say who it is."""

    _leaving = False

    @property
    def closed(self) -> bool:
        """Whether it is stopping, or has stopped."""
        return self._leaving or super().closed

    async def stop(self) -> None:
        """Close. A dynamic member leaves the group; a static one stays, for its successor.

        aiokafka ends no join that is under way, which may take as long as another member drains. A static member has
        nothing to say after it; a dynamic one could not say before that it leaves.
        """
        self._leaving = True
        coordinator = cast("GroupCoordinator | None", self._coordinator)  # None if `start` did not get so far
        if coordinator is not None and coordinator._group_instance_id is not None:  # noqa: SLF001 - as below
            joining = coordinator._coordination_task  # noqa: SLF001 - as below
            joining.cancel()
            await asyncio.wait([joining])
        await super().stop()

    def membership(self) -> Membership:
        """Return who we are to the group now."""
        coordinator = self._coordinator
        instance = coordinator._group_instance_id  # noqa: SLF001 - aiokafka tells nobody
        return Membership(coordinator.generation, coordinator.member_id, instance)

    @property
    def in_touch(self) -> bool:
        """Whether the group's coordinator is known: a heartbeat that nobody answers makes aiokafka look for it anew."""
        return self._coordinator.coordinator_id is not None

    @property
    def client(self) -> AIOKafkaClient:
        """Its connections."""
        return self._client

    def has(self, partition: TopicPartition) -> bool:
        """Say whether a partition is assigned to us."""
        assignment = self.current_assignment()
        return assignment is not None and partition in assignment.tps

    def rejoin(self) -> None:
        """Ask the group what is ours, instead of waiting for the next heartbeat to find out that nothing is."""
        self._coordinator.request_rejoin()

    async def committed_by(self, group: str, partitions: Collection[TopicPartition]) -> Committed:
        """Return what is committed, with the text beside it, as far as it is certain; what never was is absent."""
        return await look_up_committed(self._client, group, partitions)

    def look_for_trouble(self) -> None:
        """Hear why aiokafka has stopped to take part in the group: it waits until `getmany` has been told.

        Nobody calls that while a batch waits for its assignment, and there would be no assignment.
        """
        try:
            self._coordinator.check_errors()
        except KafkaError as error:
            self.trouble = error

    def own_tasks(self) -> Sequence[asyncio.Task[None]]:
        """Return the tasks without which nothing is delivered any more."""
        return self._coordinator._coordination_task, self._fetcher.error_future  # noqa: SLF001 - aiokafka tells nobody
