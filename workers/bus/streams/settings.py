"""What one worker needs to know to take part in a bus on Streams."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from ....producers.redis_link import Script
from ....schemas.deferral import LENGTHS
from ....schemas.streams import alive_key, commit_key, owner_key, stream_key
from ....schemas.topics import Tier, Topics


@dataclass(frozen=True, slots=True)
class StreamsSettings:
    """One worker's place in a bus. Times are seconds."""

    #: The worker's name in the group. Two processes must not have it at a time: the later one takes it over.
    consumer: str
    prefix: str = "headgate."
    group: str = "headgate-workers"
    commit_interval: float = 0.05
    #: How often a worker says that it lives.
    beat: float = 1.0
    #: A worker that was not heard of for one and a half times as long is dead: others take over what it had.
    gap: float = 6.0
    #: Most entries, and roughly the bytes, of one read from each lane.
    read_records: int = 100
    read_bytes: int = 2 * 1024 * 1024
    #: How long one read waits for entries: a stop waits as long.
    read_wait: float = 0.5
    #: How many answers to copies for shadows are kept, roughly: nobody may be reading them.
    shadows_kept: int = 10_000
    #: How long a record lies on each deferral topic.
    lengths: Mapping[Tier, float] = field(default_factory=lambda: LENGTHS)

    @property
    def topics(self) -> Topics:
        """The names of the topics."""
        return Topics(self.prefix)

    @property
    def lanes(self) -> list[str]:
        """The keys of the lanes' streams, most urgent first."""
        return [self.key(topic) for topic in self.topics.lanes]

    @property
    def deferrals(self) -> list[str]:
        """The keys of the deferral topics' streams, shortest wait first."""
        return [self.key(topic) for topic in self.topics.deferrals]

    @property
    def lengths_ms(self) -> list[int]:
        """How long a record lies on each of `deferrals`, milliseconds."""
        return [round(self.lengths[tier] * 1000) for tier in Tier]

    def key(self, topic: str) -> str:
        """Return the key of a topic's stream."""
        return stream_key(self.prefix, topic)

    @property
    def commit_key(self) -> str:
        """Where this worker's last commit is remembered."""
        return commit_key(self.prefix, self.consumer)

    @property
    def member_keys(self) -> tuple[str, str]:
        """Where workers say that they live, and whose their names are."""
        return alive_key(self.prefix), owner_key(self.prefix)


@cache
def script(name: str) -> Script:
    """Return the script `<name>.lua` of this package."""
    return Script.of((files("headgate.workers.bus.streams") / f"{name}.lua").read_text(encoding="utf-8"))
