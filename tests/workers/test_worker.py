"""How a worker's start and end follow from being asked to stop."""

import asyncio

import pytest

from headgate.workers.assembly import Worker
from headgate.workers.bus.port import BusLost, BusStatus
from headgate.workers.ops.metrics import Metrics
from headgate.workers.ops.stopping import Stopping
from headgate.workers.worker import _run

SECONDS = 10


class Bus:
    """Its start takes until `others` have come; it ends as `end` does."""

    def __init__(self):
        self.others = asyncio.Event()
        self.end = asyncio.get_running_loop().create_future()
        self.calls = []

    async def start(self, _admit, _committed):
        self.calls.append("start")
        await self.others.wait()
        self.calls.append("started")

    async def closed(self):
        await self.end

    async def stop(self, _seconds):
        self.calls.append("stop")

    def status(self):
        ready = "started" in self.calls
        return BusStatus(ready=ready, lag=None, oldest_ms=0, uncommitted=0, commits=0)


class Company:
    """Gateway, admission and control feed, of which nothing is wanted here."""

    admit = committed = heard = None

    def __init__(self):
        self.abandoned = False

    async def start(self, _heard):
        pass

    async def ready(self):
        pass

    async def stop(self):
        pass

    async def abandon(self):
        self.abandoned = True

    async def _for_ever(self):
        await asyncio.get_running_loop().create_future()

    run = closed = broken = _for_ever


class World:
    def __init__(self):
        self.bus, self.company, self.said = Bus(), Company(), asyncio.Event()
        self.stopping = Stopping(20)
        company = self.company
        worker = Worker(self.bus, company, company, company, company, company, Metrics([]))
        self.running = asyncio.create_task(_run(worker, self.stopping, self.said.set))

    async def status(self):
        async with asyncio.timeout(SECONDS):
            return await self.running


@pytest.fixture
async def world():
    return World()


async def until_called(bus, name):
    async with asyncio.timeout(SECONDS):
        while name not in bus.calls:  # noqa: ASYNC110 - the bus tells nobody
            await asyncio.sleep(0)


async def test_a_worker_that_is_told_to_stop_while_its_bus_waits_for_others_waits_no_longer(world):
    await until_called(world.bus, "start")
    world.stopping.ask("SIGTERM")
    assert await world.status() == 0
    assert world.bus.calls == ["start", "stop"]
    assert not world.said.is_set()
    assert world.company.abandoned


async def test_a_worker_says_that_it_takes_requests_and_stops_when_it_is_told_to(world):
    world.bus.others.set()
    async with asyncio.timeout(SECONDS):
        await world.said.wait()
    world.stopping.ask("SIGTERM")
    assert await world.status() == 0
    assert world.bus.calls == ["start", "started", "stop"]
    assert world.company.abandoned


async def test_a_worker_whose_bus_ends_by_itself_has_failed(world):
    world.bus.others.set()
    world.bus.end.set_result(None)
    assert await world.status() == 1


async def test_a_worker_whose_bus_is_lost_ends_with_the_reason(world):
    world.bus.others.set()
    world.bus.end.set_exception(BusLost("gone"))
    with pytest.raises(BusLost, match="gone"):
        await world.status()
    assert world.company.abandoned
