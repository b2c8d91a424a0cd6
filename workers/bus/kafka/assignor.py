"""Who gets which partitions: every lane evenly, and as few moves as that allows.

A partition that moves takes its calls with it: those that do not end in time are made, and paid, again. aiokafka's
round robin moves almost everything when a worker comes or goes; its sticky assignor moves little, but may give a
newcomer partitions of an empty lane only, and leave it idle.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar, Final

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

#: Topic → partitions.
Shares = Mapping[str, Collection[int]]

_VERSION: Final = 0
_shares = msgspec.json.Decoder(dict[str, list[int]])


def share_out(topics: Shares, members: Mapping[str, Shares]) -> dict[str, dict[str, list[int]]]:
    """Return what each member gets, given what it had: in every topic, nobody has two more than anybody else."""
    given: dict[str, dict[str, list[int]]] = {member: {} for member in members}
    totals = dict.fromkeys(members, 0)
    for topic in sorted(topics):
        had = _claims(topic, topics[topic], members)
        for member, partitions in _share_out_topic(topics[topic], had, totals).items():
            given[member][topic] = partitions
            totals[member] += len(partitions)
    return given


def _claims(topic: str, partitions: Collection[int], members: Mapping[str, Shares]) -> dict[str, list[int]]:
    """Return what each member had of `topic`; of two that claim the same partition, the first had it."""
    free = set(partitions)
    claims: dict[str, list[int]] = {}
    for member in sorted(members):
        claims[member] = sorted(free & set(members[member].get(topic, ())))
        free -= set(claims[member])
    return claims


def _share_out_topic(
    partitions: Collection[int], had: Mapping[str, list[int]], totals: Mapping[str, int]
) -> dict[str, list[int]]:
    each, extra = divmod(len(partitions), len(had))
    by_claim = sorted(had, key=lambda member: (totals[member], -len(had[member]), member))
    quota = {member: each + (place < extra) for place, member in enumerate(by_claim)}
    kept = {member: claimed[: quota[member]] for member, claimed in had.items()}
    free = sorted(set(partitions).difference(*kept.values()))
    for member in by_claim:
        wanting = quota[member] - len(kept[member])
        kept[member] = sorted(kept[member] + free[:wanting])
        free = free[wanting:]
    return kept


class LaneAssignor(AbstractPartitionAssignor):
    """`share_out` in aiokafka's shape: it asks the class, so each consumer has a class of its own (`new`)."""

    name = "headgate-lanes"
    version = _VERSION
    had: ClassVar[dict[str, list[int]]] = {}

    @staticmethod
    def new() -> "type[LaneAssignor]":
        """Return an assignor for one consumer."""
        return type("LaneAssignor", (LaneAssignor,), {"had": {}})

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Share out the partitions of all topics that anybody wants; all our workers want the same."""
        wanted = {topic for metadata in members.values() for topic in metadata.subscription}
        topics = {topic: cluster.partitions_for_topic(topic) or () for topic in wanted}
        had = {member: _read(metadata.user_data) for member, metadata in members.items()}
        given = share_out(topics, had)
        return {
            member: ConsumerProtocolMemberAssignment(_VERSION, sorted(shares.items()), b"")
            for member, shares in given.items()
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Tell the group's leader what we had."""
        return ConsumerProtocolMemberMetadata(_VERSION, list(topics), msgspec.json.encode(cls.had))

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember what we have."""
        cls.had = {}
        for tp in assignment.partitions():
            cls.had.setdefault(tp.topic, []).append(tp.partition)


def _read(user_data: bytes) -> dict[str, list[int]]:
    try:
        return _shares.decode(user_data)
    except msgspec.MsgspecError:
        return {}  # a stranger in the group: it had nothing that we know of
