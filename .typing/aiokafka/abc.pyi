from collections.abc import Collection

from .structs import TopicPartition

class ConsumerRebalanceListener:
    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None: ...
    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None: ...
