"""Counts the calls that the journal makes to its store."""

import time
from collections.abc import Callable, Iterator, Sequence

from ...producers.redis_link import LinkError, Script
from ..journal.on_redis import Scripts
from . import catalogue as of
from .readings import Reading


class MeteredScripts:
    """Stands between the journal and its store: a `Scripts` peer that is a `Source` of readings when called."""

    def __init__(self, scripts: Scripts, clock: Callable[[], float] = time.perf_counter) -> None:
        self._scripts = scripts
        self._clock = clock
        self._calls = self._errors = 0
        self._seconds = 0.0

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> object:
        """Run a script, and count it. Raises what the store raises."""
        began = self._clock()
        try:
            return await self._scripts.run(script, keys, args)
        except LinkError:
            self._errors += 1
            raise
        finally:
            self._calls += 1
            self._seconds += self._clock() - began

    def __call__(self) -> Iterator[Reading]:
        """Read all numbers."""
        yield Reading(of.JOURNAL_CALLS, self._calls)
        yield Reading(of.JOURNAL_SECONDS, self._seconds)
        yield Reading(of.JOURNAL_ERRORS, self._errors)
