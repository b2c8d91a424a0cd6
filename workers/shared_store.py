"""What all workers share: the journal, admission and health, in one Redis or Valkey."""

import secrets
from contextlib import AsyncExitStack
from typing import Final

from ..producers.redis_link import Address, RedisLink
from ..schemas.config import Config
from .admission.redis import RedisAdmission
from .health.desk import Manner
from .health.redis import RedisHealth
from .journal.claims import Keeping
from .journal.on_redis import RedisJournal
from .ops.store_meter import MeteredStore, StoreMeter

#: Whoever asks for health waits no longer: without the store each worker goes by what it sees itself.
_HEALTH_SECONDS: Final = 1.0
_SECONDS: Final = 10.0


class SharedStore:
    """Makes one worker's hands on the store. Each has its own connection, so that they do not wait for each other."""

    def __init__(self, config: Config, address: Address, stack: AsyncExitStack) -> None:
        self._config = config
        self._address = address
        self._stack = stack
        self._prefix = config.prefix if config.store is None else config.store.redis.prefix
        #: Names this process among all that ever were: a restarted worker is another one.
        self._owner = secrets.token_hex(8)
        #: Of all connections.
        self.meter = StoreMeter()

    def journal(self) -> RedisJournal:
        """Return the journal."""
        admission = self._config.admission
        keeping = Keeping(admission.dead_after, admission.keep_answers, admission.keep_answers_bytes)
        return RedisJournal(self._connection(), self._prefix, self._owner, keeping)

    def admission(self) -> RedisAdmission:
        """Return admission."""
        dead_after = self._config.admission.dead_after
        return RedisAdmission(self._connection(), self._prefix, self._owner, dead_after=dead_after)

    def health(self, manner: Manner) -> RedisHealth:
        """Return health."""
        return RedisHealth(self._connection(_HEALTH_SECONDS), self._prefix, self._owner, manner)

    def _connection(self, seconds: float = _SECONDS) -> MeteredStore:
        link = RedisLink(self._address, timeout_seconds=seconds)
        self._stack.push_async_callback(link.close)
        return self.meter.on(link)
