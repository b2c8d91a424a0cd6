"""Shadows on real processes: workers are killed while requests and copies are under way, and each is paid once."""

import asyncio
from collections import Counter

import pytest

from headgate.routing.tree.chance import seed_of, uniform
from headgate.schemas.reply import Status
from headgate.schemas.usage import Cause, Outcome
from support.buses import embedded
from support.cluster import Cluster, line, reconcile
from support.holding import Fleet

pytestmark = pytest.mark.timeout(300)


def model(name, **route):
    listed = {"id": f"{name}-1", "provider": "sim", "model": name, "price": {"input": 1, "output": 1}}
    return {"name": name, "deployments": [listed], "route": route}


async def shadowed(tmp_path, *, requests, kills, seed):
    with Cluster(tmp_path) as cluster:
        cluster.simulator("--latency", "uniform:100,600", "--fault", "503=0.05", "--seed", str(seed))
        cluster.config |= {
            "providers": {"sim": {"base_url": cluster.sim.url, "api_key": "key"}},
            "models": [model("small", shadow={"model": "new", "share": 0.5}), model("new")],
        }
        cluster.write()
        async with embedded(tmp_path) as outside:
            fleet, recorder = Fleet(cluster, 2, seed), cluster.recorder()
            await asyncio.to_thread(recorder.line)
            await fleet.start()
            shadows = outside.topics.shadows
            cursor, beside = await outside.beginning(), await outside.beginning(shadows)
            batch = await outside.submit([line(number, model="small") for number in range(requests)])
            for kill in range(kills):
                await asyncio.to_thread(cluster.sim.wait_for, (kill + 1) * requests // 4)
                await fleet.kill_one()
            replies, cursor = await outside.replies(requests, cursor=cursor, seconds=60)
            copied = copied_of(batch, requests)
            served = await asyncio.to_thread(cluster.sim.served)
            await asyncio.to_thread(cluster.sim.wait_for, served + 1)
            await fleet.kill_one()
            copies, beside = await outside.replies(len(copied), cursor=beside, topic=shadows, seconds=90)
            assert await outside.rest(cursor) == []
            assert await outside.rest(beside, shadows) == []
            await fleet.stop()
            assert await asyncio.to_thread(recorder.terminate) == 0
        rows = cluster.ledger()
        reconcile(cluster.sim.books(), rows)
    assert {reply.headgate.request_id for reply in copies} == {f"{name}+shadow" for name in copied}
    assert {reply.headgate.status for reply in (*replies, *copies)} == {Status.COMPLETED}
    shadow = [row for row in rows if row["cause"] == Cause.SHADOW]
    assert {row["request_id"].endswith("+shadow") for row in shadow} == {True}
    answered = Counter(row["request_id"] for row in rows if row["outcome"] == Outcome.SUCCEEDED)
    assert len(answered) == requests + len(copied)
    assert set(answered.values()) == {1}, "each is paid once, but for what nobody knows of"
    return rows


def copied_of(batch, requests):
    """Return the requests that have a copy: they are chosen by their ids, and so always the same."""
    names = [f"{batch}-{number}" for number in range(requests)]
    return {name for name in names if uniform(seed_of(name), seed_of("shadow new")) <= 0.5}


async def test_requests_and_their_copies_are_each_paid_once_though_workers_are_killed(tmp_path):
    rows = await shadowed(tmp_path, requests=80, kills=0, seed=5)
    assert any(row["cause"] == Cause.SHADOW for row in rows)


@pytest.mark.soak
async def test_many_requests_and_their_copies_are_each_paid_once_though_many_workers_are_killed(tmp_path):
    await shadowed(tmp_path, requests=3_000, kills=3, seed=6)
