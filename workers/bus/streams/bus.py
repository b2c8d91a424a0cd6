"""The peer of the bus port on Streams.

Nothing is lost and nothing is answered twice, because the server's book of the consumer group is the truth:

- An entry stays pending until the commit that publishes its reply acknowledges and deletes it, all in one script.
- Whoever acknowledges first has answered. A worker that was away too long finds its entries gone: their replies are
  dropped, their usage is published, and the adopter answers. Should it be first after all, the adopter's reply is
  the one that is dropped.
- After every broken connection the book is compared with what is out: an entry of ours that we do not have, because
  the answer that brought it got lost, is read again.
- While the server is away what is finished waits in memory; nothing new is read meanwhile, so it stays bounded.
- What is parked is read by a script that reads no further than what is due by the server's clock (`due.lua`); then it
  is an entry like those of the lanes.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from ....producers.redis_link import Address, LinkDown, LinkError, RedisLink, insist
from ....schemas.record import Record
from ....schemas.topics import is_legal_topic
from ..port import Admit, BusLost, BusStatus, Committed, Delivery, Durable
from .committer import Committer, Outcome
from .intake import Intake
from .lifeline import Lifeline
from .out import Out
from .reader import Reader
from .settings import StreamsSettings
from .timetable import Timetable

_log = logging.getLogger(__name__)

#: How long a stopping bus tries to commit what is finished.
_LAST_COMMIT_SECONDS: Final = 5.0


class StreamsBus:
    """A worker's end of a bus on Valkey or Redis (7 or newer)."""

    def __init__(
        self,
        address: Address,
        settings: StreamsSettings,
        *,
        clock: Callable[[], float] = time.time,
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._settings = settings
        self._replies = settings.topics.replies("")
        self._clock = clock
        self._out = Out()
        self._links = reading, writing = RedisLink(address), RedisLink(address)
        token = new_token()
        self._intake = Intake(Reader(reading, settings), Timetable(settings), self._out, self._trouble)
        self._committer = Committer(writing, settings, token, done=self._ended, trouble=self._trouble)
        self._lifeline = Lifeline(
            writing, settings, token, adopted=self._fall_behind, trouble=self._trouble, well=self._well
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._committed: Committed = lambda _: None
        self._away = False
        self._closed: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<StreamsBus {self._settings.consumer}, {len(self._out)} out, {self._committer!r}>"

    async def start(self, admit: Admit, committed: Committed) -> None:
        """Begin to deliver: first what a predecessor of the same name left behind. Waits for the server."""
        self._committed = committed
        self._closed = asyncio.get_running_loop().create_future()
        try:
            await insist(self._lifeline.enter, on_trouble=self._trouble)
        except LinkError as error:
            await self._close()
            raise BusLost(str(error)) from error
        self._well()
        self._spawn(self._intake.run(admit))
        self._spawn(self._committer.run())
        self._spawn(self._lifeline.run())

    def complete(self, delivery: Delivery, replies: Sequence[Record], usage: Sequence[Record]) -> None:
        """Queue a delivery's end."""
        self._committer.add(delivery, replies, usage)

    def publish(self, records: Sequence[Record], durable: Durable | None = None) -> None:
        """Queue records that complete nothing."""
        self._committer.publish(records, durable)

    async def knows(self, topic: str) -> bool:
        """Say whether `topic` is a reply topic: streams come to be by being written."""
        return topic.startswith(self._replies) and is_legal_topic(topic)

    async def stop(self, drain_seconds: float) -> None:
        """Deliver no more, wait for what is out, commit, take leave, close."""
        self._intake.stopping = True
        try:
            async with asyncio.timeout(drain_seconds):
                await asyncio.gather(*self._tasks[:1], return_exceptions=True)
                await self._out.drained()
        except TimeoutError:
            _log.warning("stopped before everything was answered", extra={"uncommitted": len(self._out)})
        try:
            async with asyncio.timeout(_LAST_COMMIT_SECONDS):
                await self._committer.flush()
                await self._lifeline.leave()
        except (TimeoutError, LinkError) as error:
            _log.warning("stopped without a last commit, the rest is delivered again: %r", error)
        await self._close()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    async def closed(self) -> None:
        """Return when the bus has stopped, or raise `BusLost`."""
        if self._closed is None:
            raise RuntimeError("expected a bus that was started, got one that was not; call start first")
        await asyncio.shield(self._closed)

    def status(self) -> BusStatus:
        """Return facts, none older than a beat."""
        alive = self._closed is not None and not self._closed.done() and bool(self._tasks)
        return BusStatus(
            ready=alive and not (self._away or self._intake.stopping),
            lag=self._lifeline.lag,
            oldest_ms=self._out.oldest_ms(int(self._clock() * 1000)),
            uncommitted=len(self._out),
            commits=self._committer.commits,
            commit_seconds=self._committer.commit_seconds,
            parked=self._lifeline.parked,
        )

    def _ended(self, outcome: Outcome) -> None:
        self._out.remove(outcome.committed)
        self._out.remove(outcome.lost)
        self._well()
        if outcome.lost:
            _log.warning("another worker has answered: replies dropped", extra={"count": len(outcome.lost)})
        if outcome.committed:
            self._committed(outcome.committed)
        for durable in outcome.durable:
            durable()

    def _fall_behind(self) -> None:
        self._intake.behind = True

    def _trouble(self, error: LinkDown) -> None:
        self._fall_behind()
        if not self._away:
            self._away = True
            _log.warning("the server of the bus is away, finished work waits: %s", error)

    def _well(self) -> None:
        self._away = False

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """Make trouble that does not heal everybody's: a bus without one of its tasks must not look alive."""
        error = None if task.cancelled() else task.exception()
        if error is None or self._closed is None or self._closed.done():
            return
        lost = BusLost(f"the bus cannot go on: {error}")
        lost.__cause__ = error
        self._closed.set_exception(lost)
        self._closed.exception()  # whoever does not ask shall not be warned about it
        for other in self._tasks:
            other.cancel()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for link in self._links:
            await link.close()
