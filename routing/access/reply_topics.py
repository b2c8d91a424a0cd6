"""Whose answers go where.

An answer is written by the gateway, whoever asked. So a workspace's topic is only safe from others if the gateway
writes nothing there for them, not even that they may not: ids can be guessed, and the first answer is believed.
"""

from typing import Final

from ...schemas.config import Config
from ...schemas.topics import Topics
from .rules import KeyRules, topic_patterns


class ReplyTopics:
    """The topics that may be answered on, by the config's patterns.

    What a key or its workspace lists under `reply_topics` is its own. What else the file's `reply_topics` allow is
    anybody's. What Headgate itself reads is nobody's: an answer there would be taken for something else.
    """

    def __init__(self, config: Config) -> None:
        topics = Topics(config.prefix)
        self._ours: Final = frozenset(
            (
                *topics.lanes,
                *topics.deferrals,
                topics.usage,
                topics.dead_letters,
                topics.control,
                topics.alerts,
                topics.shadows,
            )
        )
        self._open: Final = topic_patterns(config, config.reply_topics)
        workspaces = [workspace.reply_topics or [] for workspace in config.workspaces if config.keys]
        keys = [key.reply_topics or [] for key in config.keys]
        self._owned: Final = topic_patterns(config, [text for owned in (*workspaces, *keys) for text in owned])

    def may(self, rules: KeyRules, topic: str) -> bool:
        """Say whether requests of a key may be answered on `topic`."""
        if rules.reply_topics is None:
            return self.anybody_may(topic)
        return rules.reply_topics.match(topic) and topic not in self._ours

    def anybody_may(self, topic: str) -> bool:
        """Say whether requests may be answered on `topic` of which nobody knows whose they are."""
        return self._open.match(topic) and not self._owned.match(topic) and topic not in self._ours

    def told(self, rules: KeyRules) -> str:
        """Spell the topics of a key, for errors."""
        return f"{self._open} and is nobody else's" if rules.reply_topics is None else str(rules.reply_topics)
