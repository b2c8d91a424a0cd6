"""What `run` and `submit` are asked, and the batch that this makes."""

import datetime as dt
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ...producers.batch_state import BatchState, Source
from ...producers.fingerprint import Fingerprint
from ...producers.ids import mint_batch_id
from ...producers.terms import Terms
from ...schemas.config import Config
from ...schemas.config_values import seconds
from ...schemas.topics import Lane, Topics
from .buses import bus_name, reply_topic
from .options import BadUsage


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user may say of all requests of a file; None: the config decides."""

    lane: str | None = None
    key: str | None = None
    #: A duration or a time.
    deadline: str | None = None
    #: Holds what the key is proved with.
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The file and the bus of a batch."""

    path: Path
    fingerprint: Fingerprint
    bus: str

    @classmethod
    def of(cls, path: Path, fingerprint: Fingerprint, config: Config) -> "Origin":
        """Describe the file on the configured bus."""
        return cls(path.resolve(), fingerprint, bus_name(config, str(Path(config.directory).resolve())))

    @property
    def source(self) -> Source:
        """The file as states keep it."""
        return Source(str(self.path), self.fingerprint)


def new_terms(config: Config, wishes: Wishes, now: float | None = None) -> Terms:
    """Mint a batch; raises `BadUsage` if its replies would not be allowed, or its deadline cannot be read."""
    batch = mint_batch_id(dt.datetime.fromtimestamp(time.time() if now is None else now, dt.UTC))
    lane = Lane(wishes.lane or config.defaults.lane)
    reply_to = reply_topic(config, batch)
    patterns = [pattern.replace("{prefix}", config.prefix) for pattern in config.reply_topics]
    if not config.keys and not any(fnmatchcase(reply_to, pattern) for pattern in patterns):
        problem = f"expected reply_topics to allow {reply_to}, got {', '.join(patterns) or 'nothing'}"
        raise BadUsage(problem, "add a pattern such as {prefix}replies.* to reply_topics in the config")
    topic = Topics(config.prefix).requests(lane)
    limit = config.limits.request_bytes
    return Terms(batch, topic, reply_to, lane, wishes.key, _deadline(wishes.deadline), limit)


def new_state(terms: Terms, origin: Origin, cursor: str) -> BatchState:
    """Make the state of a batch of which nothing is submitted yet."""
    return BatchState(terms, origin.source, origin.bus, cursor, time.time_ns() // 1_000_000)


def _deadline(wish: str | None) -> str | None:
    """Spell it as envelopes do: seconds, or a time with its zone."""
    if wish is None:
        return None
    try:
        return str(seconds(wish))
    except ValueError:
        pass
    try:
        if dt.datetime.fromisoformat(wish).tzinfo is not None:
            return wish
    except ValueError:
        pass
    raise BadUsage(f"--deadline: expected a duration like 90s or 2h, or a time like 2026-11-22T18:00:00Z, got {wish!r}")
