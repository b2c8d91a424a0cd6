"""What a request may that has proved its key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import msgspec

from ...schemas.config import Config
from ...schemas.config_access import Key
from ...schemas.request import Request
from ...schemas.topics import Lane
from .patterns import Patterns

#: Most urgent first.
_ORDER: Final = tuple(Lane)


@dataclass(frozen=True, slots=True)
class KeyRules:
    """One key's."""

    id: str
    workspace: str | None
    #: Of the workspace.
    org: str | None
    #: Its share when keys compete.
    weight: float
    #: The most urgent lane that it may use.
    ceiling: Lane
    models: Patterns
    #: Its own, or its workspace's; None: what is nobody's own.
    reply_topics: Patterns | None = None
    #: Added to the metadata of its requests, and stronger than theirs.
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Unix milliseconds; None: never.
    expires_ms: int | None = None

    def lane(self, asked: Lane) -> Lane:
        """Return the lane that a request of lane `asked` counts as of."""
        return asked if self.ceiling is _ORDER[0] else max(asked, self.ceiling, key=_ORDER.index)

    def applied(self, request: Request) -> Request:
        """Return the request as it goes on: on its effective lane, with the key's metadata."""
        lane = self.lane(request.lane)
        if lane is request.lane and not self.metadata:
            return request
        return msgspec.structs.replace(request, lane=lane, metadata={**request.metadata, **self.metadata})


def key_rules(config: Config) -> dict[str, KeyRules]:
    """Return the rules of every key of the config, by its id."""
    workspaces = {workspace.id: workspace for workspace in config.workspaces}

    def rules(key: Key) -> KeyRules:
        workspace = workspaces.get(key.workspace or "")
        topics = key.reply_topics
        if topics is None and workspace is not None:
            topics = workspace.reply_topics
        return KeyRules(
            id=key.id,
            workspace=key.workspace,
            org=None if workspace is None else workspace.org,
            weight=key.weight,
            ceiling=Lane(key.lane or Lane.URGENT),
            models=Patterns(key.models),
            reply_topics=None if topics is None else topic_patterns(config, topics),
            metadata=key.metadata,
            expires_ms=None if key.expires is None else int(key.expires.timestamp() * 1000),
        )

    return {key.id: rules(key) for key in config.keys}


def topic_patterns(config: Config, texts: list[str]) -> Patterns:
    """Return patterns of topics, which may speak of the prefix."""
    return Patterns(text.replace("{prefix}", config.prefix) for text in texts)


@lru_cache(maxsize=1_024)  # asked for every request
def unlimited(name: str) -> KeyRules:
    """Return the rules of a name where the config has no keys."""
    return KeyRules(name, None, None, 1.0, Lane.URGENT, _ANY)


_ANY: Final = Patterns(["*"])
