"""Counts the calls that the journal and admission make to their store."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from ...producers.redis_link import LinkError, Script
from ..admission.calls import Store
from . import catalogue as of
from .readings import Reading

_T = TypeVar("_T")


class StoreMeter:
    """Adds up over all connections of a worker; a `Source` of readings when called."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._calls = self._errors = 0
        self._seconds = 0.0

    def on(self, store: Store) -> "MeteredStore":
        """Count what goes through `store` too."""
        return MeteredStore(store, self)

    async def count(self, call: Awaitable[_T]) -> _T:
        """Wait for a call, and count it. Raises what the store raises."""
        began = self._clock()
        try:
            return await call
        except LinkError:
            self._errors += 1
            raise
        finally:
            self._calls += 1
            self._seconds += self._clock() - began

    def __call__(self) -> Iterator[Reading]:
        """Read all numbers."""
        yield Reading(of.STORE_CALLS, self._calls)
        yield Reading(of.STORE_SECONDS, self._seconds)
        yield Reading(of.STORE_ERRORS, self._errors)


class MeteredStore:
    """Stands between a caller and its connection."""

    def __init__(self, store: Store, meter: StoreMeter) -> None:
        self._store = store
        self._meter = meter

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return self._store.connections

    async def call(self, *command: bytes | str | int) -> Any:
        """Send a command, and count it."""
        return await self._meter.count(self._store.call(*command))

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script, and count it."""
        return await self._meter.count(self._store.run(script, keys, args))
