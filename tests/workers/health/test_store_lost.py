"""Health on a real server that ends, hangs and comes back with nothing."""

import os
import signal
import time

import pytest

from headgate.routing.health.breaker import HALF_OPEN, Open, Sign
from support.admissions import Clock
from support.healths import SECOND, RedisWorld
from support.store_server import StoreServer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(tmp_path):
    with StoreServer(tmp_path) as server:
        yield server


@pytest.fixture
async def world(clock, server):
    world = RedisWorld(clock, server.url, "t.")
    yield world
    await world.close()


async def opened(world, clock):
    first, second = world.worker("first"), world.worker("second")
    for number in range(4):
        first.report("d", Sign.ILL, f"{number}", clock())
    await world.exchange(first, second)
    return first, second


async def test_circuits_outlive_a_server_that_ends_and_comes_back_empty(world, clock, server):
    first, second = await opened(world, clock)
    server.restart_empty()
    await world.exchange(first)  # the connection was cut
    assert not first.status().shared
    await world.exchange(first, second)
    for health in (first, second):
        assert health.status().shared
        assert health.state("d", clock()) == Open(clock() + 5 * SECOND)


async def test_a_server_that_hangs_holds_nobody_up_for_longer_than_a_second(world, clock, server):
    first, _ = await opened(world, clock)
    clock.now += 5 * SECOND
    assert first.state("d", clock()) is HALF_OPEN
    os.kill(server._process.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert await first.may_probe("d", "p", 60)
    assert 0.9 < time.monotonic() - began < 5
    os.kill(server._process.pid, signal.SIGCONT)
    assert not first.status().shared
