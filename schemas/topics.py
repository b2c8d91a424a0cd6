"""Topic names. Every name starts with a configurable prefix, `headgate.` by default."""

import enum
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

#: Apache Kafka's rule for topic names (`org.apache.kafka.common.internals.Topic`): 1 to 249 of these characters.
_LEGAL: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Lane(enum.StrEnum):
    """A request topic with its own priority."""

    #: Somebody is waiting for the reply.
    URGENT = "urgent"
    #: The default.
    STANDARD = "standard"
    #: A pipeline that can sleep on it.
    BULK = "bulk"


_LANES: Final[Mapping[str, Lane]] = MappingProxyType({lane.value: lane for lane in Lane})


class Tier(enum.StrEnum):
    """A deferral topic: what lies on it is delivered when it has lain there for the tier's length (`deferral.py`)."""

    SECONDS_10 = "10s"
    MINUTE = "1m"
    MINUTES_10 = "10m"
    HOUR = "1h"


class Topics(msgspec.Struct, frozen=True):
    """The names of all topics under one prefix."""

    prefix: str = "headgate."

    def requests(self, lane: Lane) -> str:
        """Return the request topic of `lane`."""
        return f"{self.prefix}requests.{lane}"

    @property
    def lanes(self) -> tuple[str, ...]:
        """The request topics, most urgent first."""
        return tuple(self.requests(lane) for lane in Lane)

    def lane_of(self, topic: str) -> Lane:
        """Return the lane whose request topic `topic` is; a foreign topic counts as standard."""
        before = f"{self.prefix}requests."
        return _LANES.get(topic.removeprefix(before), Lane.STANDARD) if topic.startswith(before) else Lane.STANDARD

    def deferred(self, tier: Tier) -> str:
        """Return the deferral topic of `tier`."""
        return f"{self.prefix}deferred.{tier}"

    @property
    def deferrals(self) -> tuple[str, ...]:
        """The deferral topics, shortest wait first."""
        return tuple(self.deferred(tier) for tier in Tier)

    def tier_of(self, topic: str) -> Tier | None:
        """Return the tier whose deferral topic `topic` is, None for any other topic."""
        for tier in Tier:
            if topic == self.deferred(tier):
                return tier
        return None

    def replies(self, name: str = "default") -> str:
        """Return the reply topic called `name`."""
        return f"{self.prefix}replies.{name}"

    @property
    def shadows(self) -> str:
        """Where the answers to copies for shadows go: nobody has asked for them."""
        return self.replies("shadow")

    @property
    def usage(self) -> str:
        """The only path from workers to the ledger."""
        return f"{self.prefix}usage"

    @property
    def dead_letters(self) -> str:
        """Where records go that nobody can answer, with the cause in a header."""
        return f"{self.prefix}dead-letters"

    @property
    def control(self) -> str:
        """What people say to all workers at once, such as which batches are cancelled."""
        return f"{self.prefix}control"

    @property
    def alerts(self) -> str:
        """What is said to people: budgets that have passed a threshold."""
        return f"{self.prefix}alerts"


def is_legal_topic(name: str) -> bool:
    """Say whether Apache Kafka would accept `name`."""
    return name not in {".", ".."} and _LEGAL.fullmatch(name) is not None
