"""A recorder that keeps a store's book, with a topic in files, a ledger, a store in memory, and faults on demand."""

import asyncio
import itertools
import time
from collections import Counter, deque
from contextlib import asynccontextmanager

import msgspec

from headgate.producers.redis_link import LinkDown
from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from headgate.routing.admission.taking import Bookkeeping, postings
from headgate.schemas import config
from headgate.schemas.usage import UsageEvent
from headgate.workers.admission.memory import MemoryAdmission, MemoryBook
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.admission.port import Phase
from headgate.workers.recorder.appends import BudgetAppends
from headgate.workers.recorder.bookings import Bookings
from headgate.workers.recorder.herald import Herald
from headgate.workers.recorder.keeper import BookKeeper, Patience
from headgate.workers.recorder.publisher import MemoryPublisher
from headgate.workers.recorder.recorder import Recorder
from headgate.workers.recorder.surveying import Surveyor
from support.ledgers import NEW_YEAR_US, FileSource
from support.rulebooks import a_rulebook

HOUR_US = 3_600_000_000


class FaultyBook:
    """A book on a store that goes away, or is lost, before or after what it is asked.

    `faults` are taken one per call; "" is none. `calls` notes what was really done.
    """

    def __init__(self, store: MemoryStore, faults=()):
        self._store, self._book = store, MemoryBook(store)
        self.faults = deque(faults)
        #: Beside these: call → faults of its next times.
        self.faults_of: dict[str, deque[str]] = {}
        self.calls: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def _call(self, name, work):
        own = self.faults_of.get(name) or self.faults
        fault = own.popleft() if own else ""
        if fault == "lost before":
            self._store.lose()
        if fault == "down before":
            raise LinkDown("the test says so")
        await self.gate.wait()
        self.calls.append(name)
        answer = await work()
        if fault == "lost after":
            self._store.lose()
        if fault == "down after":
            raise LinkDown("the test says so, afterwards")
        return answer

    async def state(self):
        return await self._call("state", self._book.state)

    async def open(self, epoch, cursors, spent, taken):
        return await self._call("open", lambda: self._book.open(epoch, cursors, spent, taken))

    async def apply(self, epoch, cursors, postings, thresholds):
        return await self._call("apply", lambda: self._book.apply(epoch, cursors, postings, thresholds))

    async def ready(self, epoch):
        return await self._call("ready", lambda: self._book.ready(epoch))


class Told:
    """A listener that remembers, and lets a test wait."""

    def __init__(self):
        self.openings, self.readies, self.alerts, self.troubles = [], [], 0, []
        self.news = asyncio.Event()

    def opened(self, epoch, why, budgets, seconds):  # noqa: ARG002 - the port's names
        self.openings.append(why)
        self.news.set()

    def ready(self, epoch, seconds):  # noqa: ARG002 - as above
        self.readies.append(epoch)
        self.news.set()

    def posted(self, attempts):  # noqa: ARG002 - as above
        self.news.set()

    def away(self, error):
        self.troubles.append(error)
        self.news.set()

    def alerted(self, alerts):
        self.alerts += alerts
        self.news.set()

    def not_alerted(self, error):
        self.troubles.append(error)
        self.news.set()


class World:
    """What outlives a recorder."""

    def __init__(self, directory, rules, *, grace=0.0, batch_rows=3, poll=0.01, now_us=NEW_YEAR_US):
        self.directory = directory
        self.path = directory / "l.duckdb"
        self.topic = directory / "topic"
        self.topic.mkdir()
        (self.topic / "p0.jsonl").touch()
        self.now_us = now_us
        self.rulebook = a_rulebook(**rules)
        self.store = MemoryStore(lambda: self.now_us)
        self.book = FaultyBook(self.store)
        self.publisher = MemoryPublisher()
        self.told = Told()
        self._patience = Patience(grace=grace, poll=poll)
        self._pace = config.Ledger(batch_rows=batch_rows, batch_seconds=0.001, snapshot_seconds=3600)
        self._epochs = itertools.count(1)
        #: How far the clock of grace and patience is ahead of the real one, seconds.
        self.ahead = 0.0
        self.keeper: BookKeeper | None = None

    def clock(self) -> float:
        return time.monotonic() + self.ahead

    def worker(self, name="worker"):
        return MemoryAdmission(self.store, name)

    def recorder(self) -> Recorder:
        ledger, books = Ledger.open(self.path), Bookkeeping()
        ledger.publish = lambda: self.path  # snapshots are not what these worlds are about
        surveyor = Surveyor(self.rulebook)
        self.keeper = BookKeeper(
            self.book,
            ledger,
            surveyor,
            self.told,
            self._patience,
            clock=self.clock,
            now_ns=lambda: self.now_us * 1000,
            new_epoch=lambda: f"epoch-{next(self._epochs)}",
        )
        herald = Herald(ledger, self.publisher, "headgate.alerts", self.told)
        appends = BudgetAppends(
            ledger,
            Bookings(self.rulebook, books),
            surveyor,
            self.keeper,
            herald,
            now_ns=lambda: self.now_us * 1000,
        )
        return Recorder(FileSource(self.topic), ledger, self._pace, clock=self.clock, appends=appends)

    @asynccontextmanager
    async def recording(self):
        """Run a recorder; at the end it is stopped as an operator would."""
        recorder = self.recorder()
        running = asyncio.create_task(recorder.run())
        try:
            yield running
        finally:
            recorder.stop(20)
            await running

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                self.told.news.clear()
                if not condition():
                    try:
                        async with asyncio.timeout(0.02):
                            await self.told.news.wait()
                    except TimeoutError:
                        continue

    async def until_kept(self, events):
        """Wait until so many events are in the store's book, and workers may spend."""
        await self.until(lambda: self.is_kept(events))

    def is_kept(self, read):
        life = self.store.life
        keeper = self.keeper
        size = str((self.topic / "p0.jsonl").stat().st_size)
        return life.phase is Phase.READY and (not read or life.cursors.get("p0") == size) and keeper is not None

    def settled(self):
        """What the store says."""
        return {key: amount for key, amount in self.store.life.settled.items() if amount}

    def events(self):
        """What the ledger holds."""
        with open_for_reading(self.path) as reader:
            done = reader.connection.execute(
                "SELECT * REPLACE (CAST(event_id AS VARCHAR) AS event_id, epoch_us(ts) AS ts) FROM usage"
            )
            names = [column[0] for column in done.description]
            return [msgspec.convert(dict(zip(names, row, strict=True)), UsageEvent) for row in done.fetchall()]

    def sums(self, back_us=None):
        """What the ledger's events add up to, in the windows that ended no longer ago than `back_us`."""
        events, books, totals = self.events(), Bookkeeping(), Counter()
        newest = max((event.ts for event in events), default=0)
        since = 0 if back_us is None else min(self.now_us, newest) - back_us
        for event in events:
            for window, amount in postings(event, self.rulebook, books):
                if window.end_us is None or window.end_us > since:
                    totals[window.name, window.start_us] += amount
        return {key: amount for key, amount in totals.items() if amount}
