"""A provider that fails every call for a while and heals, on real processes: two workers on the embedded bus."""

import asyncio
import contextlib
import json
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass

import pytest

from headgate.schemas.reply import Status
from support.buses import embedded
from support.cluster import Cluster, line, reconcile

pytestmark = pytest.mark.timeout(300)

#: So many are asked at a time.
SLICE = 40
#: What a deployment may be sent by two workers after it has begun to fail, probes aside: some slices are under way
#: until it is known, and until the worker that did not find out hears of it, which takes a second at most.
STRAY = 4 * SLICE


def deployment(name, url):
    provider = {"base_url": url, "api_key": f"key-{name}"}
    listed = {"id": name, "provider": name, "model": f"m-{name}", "price": {"input": 1, "output": 1}}
    return provider, {**listed, "timeout": 20}


@dataclass
class Outage:
    """Two workers, and the providers of their one model."""

    cluster: Cluster
    outside: object
    simulators: dict
    cursor: str
    #: Where each worker tells its metrics.
    addresses: list
    sent: int = 0

    async def ask(self, count):
        """Send requests; they are answered when they are."""
        numbers = range(self.sent, self.sent + count)
        await self.outside.submit([line(number, model="small", deadline=240) for number in numbers])
        self.sent += count

    async def answered(self, seconds=120):
        """Wait for all replies to what was sent since the last time; return them."""
        replies, self.cursor = await self.outside.replies(self.sent, cursor=self.cursor, seconds=seconds)
        self.sent = 0
        assert len(replies) == len({reply.headgate.request_id for reply in replies}), "one reply to each request"
        return replies

    async def told(self, name):
        """Return the sum over workers of a metric of a's circuit."""
        return sum([await asyncio.to_thread(self._metric, address, name) for address in self.addresses])

    @staticmethod
    def _metric(address, name):
        with urllib.request.urlopen(address + "/metrics", timeout=30) as answer:
            found = [each for each in answer.read().decode().splitlines() if each.startswith(f'{name}{{circuit="a"}}')]
        return float(found[0].split()[1]) if found else 0.0


async def fail(simulator, **outage):
    """Begin an outage, or end it."""
    await asyncio.to_thread(_switch, simulator.url.removesuffix("/v1") + "/simulator/faults", outage)


def _switch(url, outage):
    body = json.dumps(outage).encode() if outage else None
    request = urllib.request.Request(url, data=body, method="POST" if outage else "DELETE")
    urllib.request.urlopen(request, timeout=30).close()


@contextlib.asynccontextmanager
async def two_workers(tmp_path, *names, cooldown="1s", wait_in_memory="500ms"):
    """Run two workers whose one model has a deployment of each name, in that order, and hold the books at the end."""
    with Cluster(tmp_path) as cluster:
        simulators = {name: cluster.simulator("--latency", "20") for name in names}
        parts = {name: deployment(name, simulators[name].url) for name in names}
        breaker = {"minimum": 5, "window": "5s", "cooldown": cooldown, "max_cooldown": "2s"}
        route = {"strategy": "fallback", "backoff": "50ms", "breaker": breaker}
        cluster.config |= {
            "providers": {name: provider for name, (provider, _) in parts.items()},
            "models": [{"name": "small", "deployments": [listed for _, listed in parts.values()], "route": route}],
            "admission": {"wait_in_memory": wait_in_memory},
        }
        cluster.write()
        async with embedded(tmp_path) as outside:
            workers, recorder = [cluster.worker(name) for name in ("w1", "w2")], cluster.recorder()
            addresses = [json.loads(await asyncio.to_thread(each.line))["operations"] for each in workers]
            await asyncio.to_thread(recorder.line)
            outage = Outage(cluster, outside, simulators, await outside.beginning(), addresses)
            yield outage
            assert await outside.rest(outage.cursor) == []
            for process in (*workers, recorder):
                assert await asyncio.to_thread(process.terminate) == 0, process.told()
        books = [entry for simulator in simulators.values() for entry in simulator.books()]
        assert all(entry["outcome"] != "open" for entry in books)
        reconcile(books, cluster.ledger())


async def elsewhere(tmp_path, seconds, kind):
    """With an alternative: requests complete there while the provider is away, and come back when it is."""
    async with two_workers(tmp_path, "a", "b") as outage:
        a, b = outage.simulators["a"], outage.simulators["b"]
        await outage.ask(50)
        assert Counter(each.headgate.deployment for each in await outage.answered()) == {"a": 50}
        before = await asyncio.to_thread(a.served)

        await fail(a, kind=kind)
        replies, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            await outage.ask(SLICE)
            replies += await outage.answered(seconds=15)
        assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
        assert {reply.headgate.deployment for reply in replies} == {"b"}
        failed = (await asyncio.to_thread(a.books))[before:]
        openings = await outage.told("headgate_circuit_openings_total")
        assert openings >= 1 + seconds // 4, (
            "after each cooldown of two seconds a probe went, failed, and opened it again"
        )
        assert openings <= len(failed) <= STRAY + openings
        assert len(replies) > 2 * len(failed), "an outage that hardly anybody met proves nothing"

        await fail(a)
        back = []
        async with asyncio.timeout(30):
            while not back or back[-1] != {"a"}:
                await outage.ask(10)
                back.append({reply.headgate.deployment for reply in await outage.answered()})
        assert await outage.told("headgate_circuit_state") == 0
        await outage.ask(50)
        assert Counter(each.headgate.deployment for each in await outage.answered()) == {"a": 50}
        assert await asyncio.to_thread(b.served) >= len(replies)


async def nowhere_else(tmp_path, seconds, kind):
    """Without one: requests are deferred, not failed, while their deadline lasts, and complete after the healing."""
    async with two_workers(tmp_path, "a") as outage:
        a = outage.simulators["a"]
        await fail(a, kind=kind)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await outage.ask(SLICE)
            await asyncio.sleep(0.4)
        asked = outage.sent
        failing = await asyncio.to_thread(a.served)
        assert await outage.outside.rest(outage.cursor) == [], "nobody was told anything: they wait"
        await fail(a)
        replies = await outage.answered()
        assert Counter(reply.headgate.status for reply in replies) == {Status.COMPLETED: asked}
        assert failing < 5 * asked / 2, "the provider was left alone meanwhile"
        served = [entry for entry in await asyncio.to_thread(a.books) if entry["billed"]]
        assert len(served) == asked, "each is served once"
        assert await outage.told("headgate_circuit_state") == 0


async def test_while_a_provider_is_away_requests_complete_elsewhere_and_return_when_it_heals(tmp_path):
    await elsewhere(tmp_path, 5, "503")


async def test_with_nowhere_else_requests_wait_outside_memory_until_the_provider_heals(tmp_path):
    await nowhere_else(tmp_path, 5, "500")


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["503", "cut", "error_in_200=502", "malformed"])
async def test_half_a_minute_without_a_provider_costs_nobody_an_answer(tmp_path, kind):
    await elsewhere(tmp_path, 30, kind)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["500", "529", "cut"])
async def test_half_a_minute_without_the_only_provider_is_waited_out(tmp_path, kind):
    await nowhere_else(tmp_path, 30, kind)
