"""Workers that spend one budget together, the recorder that keeps its book, and an eye on both."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from headgate.producers.redis_link import LinkError, RedisLink
from headgate.routing.admission.demand import BudgetWindow, ParallelLimit, RateLimit
from headgate.schemas.streams import tag
from headgate.workers.admission.port import Phase, Posting, Spent
from headgate.workers.admission.redis_book import RedisBook

SECOND = 1_000_000
#: Two of it per call.
RATE = RateLimit("key:k:tokens/second", 600, SECOND, 60)
PARALLEL = ParallelLimit("key:k:parallel", 12)
BUDGET = BudgetWindow("key:k:usd/total", 0, None, int(os.environ.get("HEADGATE_TEST_BUDGET", "25000")))
WORST = (1, 40, 80)
DEAD_AFTER = 1.5
#: A store that was lost is ready again when workers had this long to come back.
SETTLE_SECONDS = 1.0


class Ledger:
    """Reads the events, posts them, and opens the book anew when it has to."""

    def __init__(self, address, bus, prefix):
        self.link = RedisLink(address, timeout_seconds=2.0)
        self.book = RedisBook(self.link, prefix, settle_seconds=SETTLE_SECONDS)
        self.bus, self.prefix = bus, prefix
        self.at = 0
        self.costs = {}
        self.opened = 0
        self.epoch = None
        self.stopped = asyncio.Event()

    async def read(self):
        """Append what is new, and return the postings: what a late original changes of its stand-in."""
        lines = await self.bus.lrange(f"{self.prefix}events", self.at, -1)
        postings = []
        for line in lines:
            attempt, cost, *uncertain = line.decode().split()
            if uncertain and attempt in self.costs:
                continue
            difference = int(cost) - self.costs.get(attempt, 0)
            self.costs[attempt] = int(cost)
            postings.append(Posting(attempt, [Spent(BUDGET, difference)]))
        before, self.at = self.at, self.at + len(lines)
        return before, postings

    async def open(self):
        await self.read()
        self.epoch = uuid.uuid4().hex
        self.opened += 1
        await self.book.open(self.epoch, {"0": str(self.at)}, [Spent(BUDGET, sum(self.costs.values()))], ())
        if await self.book.ready(self.epoch):
            await self.turn()

    async def turn(self):
        before, postings = await self.read()
        if before == self.at:
            state = await self.book.state()
            if state.phase is Phase.EMPTY or state.epoch != self.epoch:
                await self.open()
        elif await self.book.apply(self.epoch, {"0": (str(before), str(self.at))}, postings, {}) is None:
            await self.open()

    async def run(self):
        while not self.stopped.is_set():
            try:
                await self.turn()
            except LinkError:
                self.epoch = None  # what was read and not posted is in the ledger: the book is opened anew
            await asyncio.sleep(0.05)


class Fleet:
    """Processes, started by one that has imported everything."""

    def __init__(self, store_url, bus_url, prefix, log, at_once=4):
        command = [sys.executable, "-m", "support.admission_worker", store_url, bus_url, prefix, str(at_once)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "0"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        self._nursery = subprocess.Popen(command, text=True, bufsize=1, env=environment, **pipes)
        self.workers = {}
        self.started = 0

    def _say(self, line):
        self._nursery.stdin.write(line + "\n")
        return int(self._nursery.stdout.readline())

    async def start(self):
        self.started += 1
        name = f"w{self.started}"
        self.workers[name] = await asyncio.to_thread(self._say, f"start {name}")

    async def kill(self, name):
        pid = self.workers.pop(name)
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self._say, f"wait {pid}")

    async def ended(self):
        """Every worker has come to its end by itself."""
        while self.workers:
            _, pid = self.workers.popitem()
            assert await asyncio.to_thread(self._say, f"wait {pid}") == 0

    def end(self):
        for pid in self.workers.values():
            os.kill(pid, signal.SIGKILL)
        self._nursery.kill()
        self._nursery.wait()
        self._nursery.stdin.close()
        self._nursery.stdout.close()


async def take_over(store, bus, prefix, name):
    """What whoever finds a dead worker's runs does: it says of each attempt that it may have been billed."""
    known = {line.split()[0] for line in await bus.lrange(f"{prefix}events", 0, -1)}
    for entry in await _entries(store, f"{tag(prefix)}:run:{name}-*"):
        attempt, worst = entry.split()
        if attempt not in known:
            await bus.rpush(f"{prefix}events", b"%s %s uncertain" % (attempt, worst))


async def _entries(store, pattern):
    """The last entries of all runs; waits while the store is away."""
    while True:
        try:
            return [await store.lindex(key, -1) async for key in store.scan_iter(pattern, count=1000)]
        except (RedisError, OSError):
            await asyncio.sleep(0.05)


class Eye:
    """Looks at the store as often as it can."""

    def __init__(self, url, prefix):
        self.client = Redis.from_url(url, protocol=2)
        self.prefix = f"{tag(prefix)}:"
        self.looks = 0
        self.most = 0
        self.most_parallel = 0
        self.wrong = []
        #: Instead of a cancellation, which redis-py may take for its own timeout.
        self.stopped = asyncio.Event()

    async def budget(self):
        """What is settled and held, at one moment."""
        epoch = (await self.client.hget(f"{self.prefix}book", "epoch") or b"").decode()
        there = await self.client.hgetall(f"{self.prefix}{epoch}:budgets")
        at = f"{BUDGET.name}:{BUDGET.start_us}".encode()
        return int(there.get(b"s" + at, 0)), int(there.get(b"h" + at, 0))

    async def in_parallel(self):
        epoch = (await self.client.hget(f"{self.prefix}book", "epoch") or b"").decode()
        return int(await self.client.hget(f"{self.prefix}{epoch}:parallel", PARALLEL.name) or 0)

    async def look(self):
        settled, held = await self.budget()
        parallel = await self.in_parallel()
        self.looks += 1
        self.most = max(self.most, settled + held)
        self.most_parallel = max(self.most_parallel, parallel)
        if settled + held > BUDGET.limit or held < 0 or not 0 <= parallel <= PARALLEL.limit:
            self.wrong.append((settled, held, parallel))

    async def run(self):
        while not self.stopped.is_set():
            try:
                await self.look()
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.001)
