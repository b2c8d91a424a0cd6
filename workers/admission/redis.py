"""The admission peer on a Redis or Valkey: one call of a script for many demands."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...producers.redis_link import LinkDown, LinkError, LinkFull, insist
from ...routing.admission.demand import Correction, Demand
from ...routing.admission.level import asked_anew
from ...routing.admission.verdict import Fenced, Go, Verdict
from .calls import Calls, Store
from .grants import Grants
from .port import Hears, unheard
from .wire import Tables, ask, check_news, decode, encode, levels_of, restoring, verdict_of

_log = logging.getLogger(__name__)

#: Demands, and news of attempts, of one call: the server does nothing else meanwhile.
_MOST_AT_ONCE: Final = 200
#: As the journal has it.
_REMEMBERED_MS: Final = 7 * 24 * 3600 * 1000
#: A stop does not wait longer for a store that is away.
_LEAVE_SECONDS: Final = 2.0


@dataclass(slots=True)
class _News:
    """What is to be told of attempts."""

    over: list[tuple[str, Sequence[Correction]]] = field(default_factory=list[tuple[str, Sequence[Correction]]])
    costs: list[tuple[str, Sequence[int]]] = field(default_factory=list[tuple[str, Sequence[int]]])
    unused: list[tuple[Demand, int]] = field(default_factory=list[tuple[Demand, int]])

    def __len__(self) -> int:
        return len(self.over) + len(self.costs) + len(self.unused)

    def take(self, most: int) -> "_News":
        """Return what fits into one call, and keep the rest."""
        taken = _News(self.over[:most], self.costs[:most], self.unused[:most])
        del self.over[:most], self.costs[:most], self.unused[:most]
        return taken


class RedisAdmission:
    """One worker's admission. `worker` must be unique to the process.

    `now_us` replaces the server's clock, for tests.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        worker: str,
        *,
        dead_after: float = 10.0,
        flush_seconds: float = 0.01,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        self._calls = Calls(store, prefix, now_us)
        self._worker = worker
        self._dead_us = int(dead_after * 1e6)
        self._beat_seconds = min(1.0, dead_after / 5)
        self._flush_seconds = flush_seconds
        self._grants = Grants()
        self._news = _News()
        self._queued = asyncio.Event()
        #: One call at a time: the store remembers the last one of each worker, in case its answer gets lost.
        self._turn = asyncio.Lock()
        self._asked = 0
        self._epoch = ""
        self._hears: Hears = unheard

    def __repr__(self) -> str:
        return f"<RedisAdmission {self._worker}, {self._grants!r}, {len(self._news)} queued>"

    async def run(self) -> None:
        """Say that this worker lives, and send what is queued, for ever; when cancelled, take leave."""
        beat_at = time.monotonic()
        try:
            while True:
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + self._beat_seconds
                    await self.beat()
                await self.flush()
                await self._duty(beat_at)
        finally:
            await self._leave()

    async def _duty(self, beat_at: float) -> None:
        """Wait until something is queued, and a little for more of it, or the next beat is due."""
        try:
            async with asyncio.timeout(max(0.0, beat_at - time.monotonic())):
                await self._queued.wait()
                await asyncio.sleep(self._flush_seconds)
        except TimeoutError:
            pass

    async def beat(self) -> None:
        """Say that this worker lives; take its grants up if the store has forgotten it."""
        async with self._turn:
            if not await self._insist("beat", encode((self._worker, self._epoch, self._dead_us))):
                await self._join()

    async def acquire(self, demands: Sequence[Demand]) -> Sequence[Verdict]:
        """Answer each demand, in order."""
        verdicts: list[Verdict] = []
        async with self._turn:
            for start in range(0, len(demands), _MOST_AT_ONCE):
                verdicts += await self._acquire(demands[start : start + _MOST_AT_ONCE])
        return verdicts

    async def _acquire(self, demands: Sequence[Demand]) -> Sequence[Verdict]:
        while True:
            question = ask((self._worker, self._epoch, self._name(), self._dead_us, _REMEMBERED_MS), demands)
            raw = await self._insist("acquire", question.payload, question.keys, question.marks)
            match decode(raw):
                case [0, now_us, answers, levels]:
                    if levels:
                        self._hears(levels_of(question, levels), asked_anew(demands))
                    return self._heard(demands, answers, now_us)
                case _:
                    await self._join()

    def _heard(self, demands: Sequence[Demand], answers: Sequence[Sequence[Any]], now_us: int) -> Sequence[Verdict]:
        verdicts = [verdict_of(answer, now_us) for answer in answers]
        for demand, verdict, answer in zip(demands, verdicts, answers, strict=True):
            if isinstance(verdict, Go):
                self._grants.add(demand, verdict.at_us, answer[2])
            elif isinstance(verdict, Fenced):
                self._grants.finish(demand.attempt_id)
        return verdicts

    def listen(self, heard: Hears) -> None:
        """Tell from now on how full watched limits are."""
        self._hears = heard

    def finish(self, attempt_id: str, corrections: Sequence[Correction]) -> None:
        """Hear that an attempt's call is over."""
        check_news(correction.delta for correction in corrections)
        if self._grants.finish(attempt_id):
            self._news.over.append((attempt_id, corrections))
            self._queued.set()

    def settle(self, attempt_id: str, amounts: Sequence[int]) -> None:
        """Hear that the attempt's usage event is durable."""
        check_news(amounts)
        self._grants.settle(attempt_id, amounts)
        if amounts:
            self._news.costs.append((attempt_id, amounts))
            self._queued.set()

    def cancel(self, demand: Demand, ticket_us: int) -> None:
        """Give back a slot that `Wait` reserved."""
        self._news.unused.append((demand, ticket_us))
        self._queued.set()

    async def flush(self) -> None:
        """Send what is queued."""
        async with self._turn:
            while self._news:
                await self._insist("release", self._written(self._news.take(_MOST_AT_ONCE)))
            self._queued.clear()

    def _written(self, news: _News) -> bytes:
        tables = Tables()
        over = [(attempt, *tables.corrections(corrections)) for attempt, corrections in news.over]
        costs = [(attempt, *amounts) for attempt, amounts in news.costs]
        unused = [(ticket, *tables.charges(demand.charges)) for demand, ticket in news.unused]
        return encode((self._worker, self._name(), self._dead_us, tables.calendars, over, costs, unused))

    async def _join(self) -> None:
        grants = restoring(self._worker, self._dead_us, _REMEMBERED_MS, self._grants)
        raw = await self._insist("join", grants.payload, grants.keys, grants.marks)
        self._epoch = raw.decode()
        _log.info(
            "admission joined, with the attempts that are under way",
            extra={"epoch": self._epoch, "count": len(self._grants)},
        )

    async def _leave(self) -> None:
        """Send what is queued and give all slots back; without it they are free after `dead_after`."""
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self.flush()
                await self._calls.run("leave", encode((self._worker,)))
        except (TimeoutError, LinkError) as error:
            _log.warning("admission could not take leave: %s", error)

    def _name(self) -> str:
        self._asked += 1
        return str(self._asked)

    async def _insist(self, name: str, payload: bytes, keys: Sequence[str] = (), blob: bytes = b"") -> Any:
        """Call until there is an answer: while the store is away nothing is granted. All scripts may run twice."""
        return await _insist(lambda: self._calls.run(name, payload, keys, blob))


async def _insist(attempt: Callable[[], Awaitable[Any]]) -> Any:
    async def once() -> Any:
        try:
            return await attempt()
        except LinkFull as error:
            raise LinkDown(f"the store is full: {error}") from error  # it empties as attempts end

    return await insist(once, on_trouble=lambda error: _log.warning("waiting for the store: %s", error))
