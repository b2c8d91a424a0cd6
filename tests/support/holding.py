"""A fleet of workers on one store, and what may never be true of it."""

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager

from headgate.producers.redis_link import Address, LinkError, RedisLink
from headgate.workers.admission.redis_book import RedisBook


class Fleet:
    """Workers, killed at random if that is wanted."""

    def __init__(self, cluster, count, seed=0):
        self.cluster = cluster
        self.workers = {f"w{number}": None for number in range(count)}
        self._chance = random.Random(seed)

    async def start(self):
        self.workers = {slot: self.cluster.worker(slot) for slot in self.workers}
        for worker in self.workers.values():
            await asyncio.to_thread(worker.line)

    async def kill_one(self):
        """End one where it stands, and start another of its name."""
        slot = self._chance.choice(list(self.workers))
        await asyncio.to_thread(self.workers[slot].kill9)
        self.workers[slot] = self.cluster.worker(slot)

    async def stop(self):
        for worker in self.workers.values():
            assert await asyncio.to_thread(worker.terminate) == 0, worker.told()


class Watch:
    """Looks at the store's book of budgets all the time, and keeps what was wrong."""

    def __init__(self, url, limits, seconds=0.02):
        self._link = RedisLink(Address(url))
        self.book = RedisBook(self._link, "headgate.")
        self._limits = limits
        self._seconds = seconds
        self.seen = 0
        self.wrong = []

    async def look(self):
        while True:
            try:
                states = await self.book.budgets()
            except LinkError:
                states = ()  # the store is away: nobody spends
            for state in states:
                self.seen += 1
                if state.settled + state.held > self._limits[state.name]:
                    self.wrong.append(state)
            await asyncio.sleep(self._seconds)

    async def sums(self):
        """Return what is settled and held of each budget, over all its windows."""
        settled, held = Counter(), Counter()
        for state in await self.book.budgets():
            settled[state.name] += state.settled
            held[state.name] += state.held
        return settled, held

    async def idle(self, seconds=30):
        """Wait until nothing is held; return what is settled."""
        for _ in range(int(seconds * 10)):
            settled, held = await self.sums()
            if not +held:
                return settled
            await asyncio.sleep(0.1)
        raise AssertionError(f"after {seconds} s there is still held: {held}")

    async def close(self):
        await self._link.close()


@asynccontextmanager
async def watching(url, limits):
    """Watch budgets (name → limit in nano-dollars, tokens or requests) meanwhile; nothing may have been wrong.

    `url` is the store's, or who is asked for it.
    """
    watch = Watch(url, limits)
    looking = asyncio.create_task(watch.look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await watch.close()
    assert watch.seen, "nobody looked"
    assert not watch.wrong, f"settled + held > limit, {len(watch.wrong)} times of {watch.seen}: {watch.wrong[0]}"


def busiest(arrivals_ns, window_ns):
    """Return the most arrivals in any window of the length, wherever it begins."""
    arrivals = sorted(arrivals_ns)
    most = first = 0
    for last, at in enumerate(arrivals):
        while arrivals[first] <= at - window_ns:
            first += 1
        most = max(most, last - first + 1)
    return most


def statuses(replies):
    return Counter(str(reply.headgate.status) for reply in replies)
