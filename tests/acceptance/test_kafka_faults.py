"""Apache Kafka, two workers, one killed and restarted, a rebalance: every reply once, every attempt in the ledger."""

import asyncio

import pytest

from headgate.schemas.reply import Status
from support.buses import kafka_config, on_kafka
from support.cluster import Cluster, line, reconcile

#: Few refusals for load: with one in a hundred the brakes would leave five calls under way at a kill.
FAULTS = ("--fault", "429=0.001", "--fault", "500=0.014", "--fault", "cut_body=0.003", "--fault", "malformed=0.002")


async def run_through_kafka(tmp_path, address, count):
    """Kill and restart a worker at half of the way, let a third one join and leave."""
    kafka = kafka_config(address)
    with Cluster(tmp_path, {"bus": {"kafka": kafka}, "limits": {"in_flight": 500}}) as cluster:
        cluster.simulator("--latency", "lognormal:60,600", *FAULTS)
        async with on_kafka(kafka) as outside:
            workers = {name: cluster.worker(name) for name in "ab"}
            recorder = cluster.recorder()
            for process in (*workers.values(), recorder):
                await asyncio.to_thread(process.line)
            cursor = await outside.beginning()
            await outside.submit([line(number) for number in range(count)])
            replying = asyncio.create_task(outside.replies(count, cursor=cursor, seconds=1500))
            await asyncio.to_thread(cluster.sim.wait_for, count // 2, 600)
            workers["a"].kill9()
            workers["a"] = cluster.worker("a")
            await asyncio.to_thread(cluster.sim.wait_for, count * 6 // 10, 600)
            third = cluster.worker("c")
            await asyncio.to_thread(third.line)
            await asyncio.to_thread(cluster.sim.wait_for, count * 8 // 10, 600)
            assert await asyncio.to_thread(third.terminate) == 0
            replies, cursor = await replying
            for process in (*workers.values(), recorder):
                assert await asyncio.to_thread(process.terminate) == 0, process.told()
            assert await outside.rest(cursor) == []
        outcomes = reconcile(cluster.sim.books(), cluster.ledger())
    assert len(replies) == count, "a request was answered twice"
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    return outcomes


@pytest.mark.kafka
@pytest.mark.timeout(600)
async def test_ten_thousand_requests_each_have_one_reply_under_a_kill_and_a_rebalance(tmp_path, kafka_address):
    await run_through_kafka(tmp_path, kafka_address, 10_000)


@pytest.mark.kafka
@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_a_hundred_thousand_requests_each_have_one_reply_under_a_kill_and_a_rebalance(tmp_path, kafka_address):
    await run_through_kafka(tmp_path, kafka_address, 100_000)
