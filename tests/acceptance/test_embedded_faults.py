"""The embedded bus under kill -9: of the gateway, and of the Valkey server under it."""

import asyncio
import os
import random
import signal

import pytest

from headgate.schemas.reply import Status
from support.buses import embedded
from support.cluster import Cluster, line, reconcile, wait_until

pytestmark = pytest.mark.timeout(900)

KILLS = 20
#: Few refusals for load: with one in a hundred the brakes would leave five calls under way at a kill.
FAULTS = ("--fault", "429=0.001", "--fault", "500=0.014", "--fault", "cut_body=0.003", "--fault", "malformed=0.002")
#: Who comes after a killed worker has what it had when that one counts as dead.
CONFIG = {"limits": {"in_flight": 200}, "admission": {"dead_after": 2}}


async def run_with_kills(tmp_path, count, kill, seed):
    """Run `count` requests, call `kill(cluster, worker, outside)` at random moments, and hold everything together."""
    chance = random.Random(seed)
    with Cluster(tmp_path, CONFIG) as cluster:
        cluster.simulator("--latency", "lognormal:60,600", "--seed", str(seed), *FAULTS)
        async with embedded(tmp_path) as outside:
            worker = cluster.worker("a")
            recorder = cluster.recorder()
            await asyncio.to_thread(worker.line)
            await asyncio.to_thread(recorder.line)
            cursor = await outside.beginning()
            await outside.submit([line(number) for number in range(count)])
            for left in range(KILLS, 0, -1):
                await asyncio.to_thread(go_on, cluster.sim, count * 9 // 10, left, chance)
                worker = await asyncio.to_thread(kill, cluster, worker, outside)
            replies, cursor = await outside.replies(count, cursor=cursor)
            assert await asyncio.to_thread(worker.terminate) == 0
            assert await outside.rest(cursor) == []
            assert await asyncio.to_thread(recorder.terminate) == 0
        outcomes = reconcile(cluster.sim.books(), cluster.ledger())
    assert len(replies) == count, "a request was answered twice"
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    return outcomes


def go_on(sim, last, left, chance):
    """Wait for some further attempts: as many as leave some to all kills that are `left`, before the attempt `last`."""
    served = sim.served()
    sim.wait_for(served + chance.randrange(max(1, 2 * (last - served) // (left + 1))))


def kill_gateway(cluster, worker, _):
    worker.kill9()
    fresh = cluster.worker("a")
    fresh.line()
    return fresh


def kill_server(_, worker, outside):
    killed = outside.server.child_pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: outside.server.child_pid != killed, "another server")
    return worker


async def test_every_request_has_one_reply_though_the_gateway_is_killed_20_times(tmp_path):
    outcomes = await run_with_kills(tmp_path, 4_000, kill_gateway, 1)
    assert outcomes["uncertain"] > 0  # there was something to be uncertain of


async def test_every_request_has_one_reply_though_the_server_is_killed_20_times(tmp_path):
    await run_with_kills(tmp_path, 4_000, kill_server, 2)
