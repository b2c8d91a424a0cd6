"""Health's two peers behind one face, on a clock that stands until it is moved."""

import contextlib

from redis.asyncio import Redis

from headgate.producers.redis_link import Address, LinkDown, RedisLink
from headgate.routing.health.breaker import BreakerRule
from headgate.routing.health.rules import BreakerRules
from headgate.schemas.streams import tag
from headgate.workers.health.desk import Manner
from headgate.workers.health.memory import MemoryCircuits, MemoryHealth
from headgate.workers.health.redis import RedisHealth

SECOND = 1_000_000
LEASE = 10 * SECOND
#: Half of four calls in ten seconds; five seconds, then ten, then twenty.
RULE = BreakerRule(0.5, 4, 10 * SECOND, 5 * SECOND, 20 * SECOND)


def manner(clock, chance=lambda: 0.0, rules=None):
    return Manner(rules or BreakerRules({"d": RULE, "e": RULE}), clock, chance, LEASE)


class MemoryWorld:
    """Circuits in memory."""

    def __init__(self, clock):
        self._clock = clock
        self.circuits = MemoryCircuits(clock)

    def worker(self, name, **options):
        return MemoryHealth(self.circuits, manner(self._clock, **options), name)

    async def exchange(self, *workers):
        for worker in workers:
            worker.exchange()

    async def lose(self):
        self.circuits.lose()

    async def close(self):
        pass


class Fallible:
    """A connection that may be cut."""

    def __init__(self, link):
        self._link = link
        self.is_cut = False
        self.calls = 0
        #: What happens while it waits for an answer.
        self.meanwhile = lambda: None

    async def run(self, script, keys, args):
        self.calls += 1
        if self.is_cut:
            raise LinkDown("it is cut")
        answer = await self._link.run(script, keys, args)
        self.meanwhile()
        return answer


class RedisWorld:
    """A room of a Redis or Valkey."""

    def __init__(self, clock, url, prefix):
        self._clock = clock
        self._prefix = prefix
        self._link = RedisLink(Address(url), timeout_seconds=1.0)
        self.link = Fallible(self._link)
        self.client = Redis.from_url(url, protocol=2)

    def worker(self, name, pace=None, **options):
        peer = manner(self._clock, **options)
        return RedisHealth(self.link, self._prefix, name, peer, pace=pace, store_us=self._clock)

    async def exchange(self, *workers):
        for worker in workers:
            await worker.exchange()

    async def keys(self):
        return [key async for key in self.client.scan_iter(f"{tag(self._prefix)}:*", count=1000)]

    async def lose(self):
        """As FLUSHALL, for this room only."""
        keys = await self.keys()
        if keys:
            await self.client.delete(*keys)

    async def close(self):
        with contextlib.suppress(Exception):
            await self.lose()
        await self._link.close()
        await self.client.aclose()
