from collections.abc import Sequence

from ..structs import TopicPartition

class ConsumerProtocolMemberMetadata:
    subscription: Sequence[str]
    user_data: bytes
    def __init__(self, version: int, subscription: Sequence[str], user_data: bytes) -> None: ...

class ConsumerProtocolMemberAssignment:
    def __init__(self, version: int, assignment: Sequence[tuple[str, Sequence[int]]], user_data: bytes) -> None: ...
    def partitions(self) -> list[TopicPartition]: ...
