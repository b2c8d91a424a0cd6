"""Eight processes spend one budget through one limit; they are killed, and the store is killed and emptied."""

import asyncio
import os
import random

import pytest
from redis.asyncio import Redis

from support.admission_fleet import BUDGET, RATE, SECOND, Eye, Fleet, Ledger, take_over
from support.valkey import own_valkey, valkey, valkey_url

__all__ = ["own_valkey", "valkey", "valkey_url"]

PROCESSES = 8
SEED = int(os.environ.get("HEADGATE_SOAK_SEED", random.SystemRandom().randrange(10**6)))


class Run:
    """One run of the fleet."""

    def __init__(self, own, bus_server, log):
        self.own = own
        self.bus = Redis.from_url(bus_server.url, protocol=2)
        self.store = Redis.from_url(own.url, protocol=2)
        self.prefix = bus_server.prefix
        self.ledger = Ledger(own.address, self.bus, self.prefix)
        self.fleet = Fleet(own.url, bus_server.url, self.prefix, log)
        self.eye = Eye(own.url, self.prefix)
        self.rng = random.Random(SEED)

    async def kill_one(self):
        """Kill a worker, start another, and say what becomes of the dead one's attempts."""
        name = self.rng.choice(sorted(self.fleet.workers))
        await self.fleet.kill(name)
        await self.fleet.start()
        await self.take_over(name)

    async def take_over(self, name):
        await asyncio.sleep(0.1)
        await take_over(self.store, self.bus, self.prefix, name)

    async def spent(self):
        return sum(self.ledger.costs.values()) / BUDGET.limit

    async def settled(self):
        """The recorder has posted all there is, and nothing is held."""
        async with asyncio.timeout(20):
            while (await self.eye.budget())[1] or await self.bus.llen(f"{self.prefix}events") > self.ledger.at:  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.05)

    async def close(self):
        self.fleet.end()
        await self.ledger.link.close()
        for client in (self.bus, self.store, self.eye.client):
            await client.aclose()


@pytest.fixture
async def run(own_valkey, valkey, tmp_path):
    with (tmp_path / "workers.log").open("wb") as log:
        run = Run(own_valkey, valkey, log)
        yield run
        await run.close()


def fullest(calls, length):
    """The most that goes in a window of a length, wherever it begins."""
    times, most, first = sorted(calls), 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - length:
            first += 1
        most = max(most, last - first + 1)
    return most


async def check(run):
    books = [line.decode().split() for line in await run.bus.lrange(f"{run.prefix}books", 0, -1)]
    costs = {attempt: int(cost) for attempt, cost, _ in books}
    assert len(costs) == len(books), "an attempt was made twice"
    assert not run.eye.wrong, f"{run.eye.wrong[:5]} of {run.eye.looks} looks, seed {SEED}"
    settled, held = await run.eye.budget()
    assert held == 0
    assert settled == sum(run.ledger.costs.values())
    # whoever was killed between its grant and its call was taken for one that was billed
    assert sum(costs.values()) <= settled <= BUDGET.limit
    assert costs.keys() <= run.ledger.costs.keys()
    assert BUDGET.limit - settled < 80
    return [int(at) for _, _, at in books]


async def spend(run, troubles):
    """Run until the money is spent; do bad things meanwhile, evenly over what is spent."""
    await run.ledger.open()
    tasks = [asyncio.create_task(run.ledger.run()), asyncio.create_task(run.eye.run())]
    try:
        for _ in range(PROCESSES):
            await run.fleet.start()
        for done, trouble in enumerate(troubles, 1):
            while await run.spent() < 0.9 * done / (len(troubles) + 1):  # noqa: ASYNC110 - the ledger tells nobody
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2 * run.rng.random())
            await trouble(run)
        await run.fleet.ended()
        await run.settled()
    finally:
        run.ledger.stopped.set()
        run.eye.stopped.set()
        await asyncio.gather(*tasks)
    return await check(run)


async def killing_workers(run):
    await run.kill_one()


async def killing_the_store(run):
    run.own.kill()


async def emptying_the_store(run):
    await run.store.flushall()


@pytest.mark.timeout(180)
async def test_a_budget_and_a_limit_hold_while_workers_are_killed(run, record_property):
    record_property("seed", SEED)
    calls = await spend(run, [killing_workers] * 12)
    assert run.eye.looks > 100
    # each call takes one or two of the limit
    assert fullest(calls, SECOND) <= RATE.limit


@pytest.mark.timeout(180)
async def test_a_budget_holds_when_the_store_is_killed_and_emptied(run, record_property):
    record_property("seed", SEED)
    troubles = [killing_workers, killing_the_store, killing_workers, emptying_the_store, killing_workers]
    await spend(run, troubles)
    assert run.ledger.opened >= 3


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_budget_holds_whatever_happens_for_long(run, record_property):
    """With HEADGATE_TEST_BUDGET=2000000 some ten minutes."""
    record_property("seed", SEED)
    troubles = [
        run.rng.choice([killing_workers] * 5 + [killing_the_store, emptying_the_store])
        for _ in range(BUDGET.limit // 5000)
    ]
    await spend(run, troubles)
