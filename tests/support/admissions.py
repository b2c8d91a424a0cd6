"""Admission's two peers behind one face, on a clock that stands until it is moved."""

import contextlib

from redis.asyncio import Redis

from headgate.producers.redis_link import Address, RedisLink
from headgate.schemas.streams import tag
from headgate.workers.admission.memory import MemoryAdmission, MemoryBook
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.admission.redis import RedisAdmission
from headgate.workers.admission.redis_book import RedisBook

DEAD_AFTER = 10.0
START = 1_800_000_000_000_000


class Clock:
    """Unix microseconds."""

    def __init__(self, now=START):
        self.now = now

    def __call__(self):
        return self.now


class MemoryWorld:
    """A store in memory, with a journal's runs beside it."""

    def __init__(self, clock):
        self._clock = clock
        self._prefix = "headgate."
        self.store = MemoryStore(clock, runs={}, dead_after=DEAD_AFTER)
        self.book = MemoryBook(self.store)

    def worker(self, name):
        return MemoryAdmission(self.store, name)

    def run_key(self, request):
        return f"{tag(self._prefix)}:run:{request}"

    async def flush(self, admission):
        pass

    async def beat(self, admission):
        admission.beat()

    async def leave(self, name):
        self.store.leave(name)

    async def lose(self):
        self.store.lose()

    async def claim(self, request, entry):
        self.store.runs.setdefault(self.run_key(request), []).append(entry)

    async def runs(self, request):
        return list(self.store.runs.get(self.run_key(request), ()))

    async def settled(self, window):
        return self.store.life.settled[(window.name, window.start_us)]

    async def held(self, window):
        return self.store.held((window.name, window.start_us))

    async def budgets(self, windows):
        """What is settled and held in each."""
        return {window: (await self.settled(window), await self.held(window)) for window in windows}

    async def in_parallel(self, name):
        return self.store.in_parallel(name)

    async def left(self):
        """What attempts have left behind."""
        life = self.store.life
        return [*life.holds, *(attempt for calls in life.calls.values() for attempt in calls)]

    async def close(self):
        pass


class RedisWorld:
    """A room of a Redis or Valkey."""

    def __init__(self, clock, url, prefix, address=None):
        self._clock = clock
        self._prefix = prefix
        self.link = RedisLink(address or Address(url))
        self.client = Redis.from_url(url, protocol=2)
        self.book = RedisBook(self.link, prefix, settle_seconds=0, now_us=clock)

    def worker(self, name):
        return RedisAdmission(self.link, self._prefix, name, dead_after=DEAD_AFTER, now_us=self._clock)

    def run_key(self, request):
        return f"{tag(self._prefix)}:run:{request}"

    async def keys(self, ending="*"):
        return [key async for key in self.client.scan_iter(f"{tag(self._prefix)}:{ending}", count=1000)]

    async def flush(self, admission):
        await admission.flush()

    async def beat(self, admission):
        await admission.beat()

    async def leave(self, name):
        admission = self.worker(name)
        await admission._leave()

    async def lose(self):
        """As FLUSHALL, for this room only: others use the server as well."""
        keys = await self.keys()
        if keys:
            await self.client.delete(*keys)

    async def claim(self, request, entry):
        await self.client.rpush(self.run_key(request), entry)

    async def runs(self, request):
        return await self.client.lrange(self.run_key(request), 0, -1)

    async def _of_life(self, name):
        epoch = await self.client.hget(f"{tag(self._prefix)}:book", "epoch") or b""
        return f"{tag(self._prefix)}:{epoch.decode()}:{name}"

    async def _budget(self, field, window):
        value = await self.client.hget(await self._of_life("budgets"), f"{field}{window.name}:{window.start_us}")
        return int(value or 0)

    async def settled(self, window):
        return await self._budget("s", window)

    async def held(self, window):
        return await self._budget("h", window)

    async def budgets(self, windows):
        """What is settled and held in each."""
        there = await self.client.hgetall(await self._of_life("budgets"))
        ids = {window: f"{window.name}:{window.start_us}" for window in windows}
        return {
            window: tuple(int(there.get(f"{field}{ids[window]}".encode(), 0)) for field in "sh") for window in windows
        }

    async def in_parallel(self, name):
        return int(await self.client.hget(await self._of_life("parallel"), name) or 0)

    async def left(self):
        left = list(await self.client.hkeys(await self._of_life("holds")))
        left += await self.client.hkeys(await self._of_life("parallel"))
        for key in await self.keys("*:calls:*"):
            left += await self.client.hkeys(key)
        return left

    async def close(self):
        with contextlib.suppress(Exception):
            await self.lose()
        await self.link.close()
        await self.client.aclose()
