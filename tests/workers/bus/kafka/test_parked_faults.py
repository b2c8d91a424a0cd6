"""Requests are parked, and workers and the broker die meanwhile: every request gets exactly one reply all the same."""

import asyncio
import signal

import pytest
from conformance.harness import request

from headgate.schemas.topics import Tier, Topics
from support.kafka_client import append, fresh_config, make_topics
from support.kafka_fleet import Worker, answered, fleet, numbers

pytestmark = pytest.mark.kafka

REQUESTS = 1000


async def ready(config):
    await make_topics(config)
    await append(config, [request(Topics(config.prefix), n, size=1000) for n in range(REQUESTS)])


async def parked(config, count):
    """Wait until so many have been parked."""
    topics = Topics(config.prefix)
    async with asyncio.timeout(60):
        while len(await numbers(config, topics.deferred(Tier.SECONDS_10))) < count:  # noqa: ASYNC110 - workers tell nobody
            await asyncio.sleep(0.05)


async def held_to_it(config, replies):
    topics = Topics(config.prefix)
    assert replies == dict.fromkeys(range(REQUESTS), 1)
    assert await numbers(config, topics.usage) == replies
    once = {n for n in range(REQUESTS) if n % 10 < 5}
    assert await numbers(config, topics.deferred(Tier.SECONDS_10)) == dict.fromkeys(once, 1)
    assert await numbers(config, topics.deferred(Tier.MINUTE)) == dict.fromkeys({n for n in once if n % 2}, 1)


async def test_kill_9_while_requests_are_parked_and_while_they_are_due_parks_and_answers_each_once(kafka_address):
    config = fresh_config(kafka_address)
    await ready(config)
    with fleet() as workers:
        worker = Worker(config, "a", seconds=0.5, parked=5)
        workers.append(worker)
        await worker.started()
        await parked(config, 300)
        for pause in (0.1, 0.6, 1.1, 0.3):
            await asyncio.sleep(pause)
            worker.kill9()
            worker.start()
            await worker.started()
        replies = await answered(config, REQUESTS, workers)
        await worker.stop()
    await held_to_it(config, replies)


async def test_members_come_and_go_while_requests_are_parked(kafka_address):
    config = fresh_config(kafka_address)
    await ready(config)
    with fleet() as workers:
        workers.append(Worker(config, seconds=0.2, parked=5))
        await workers[0].started()
        await parked(config, 300)
        workers.append(Worker(config, seconds=0.2, parked=5))
        await workers[1].started()
        workers[0].send(signal.SIGSTOP)
        await asyncio.sleep(3)
        workers[0].send(signal.SIGCONT)
        workers[1].kill9()
        replies = await answered(config, REQUESTS, workers[:1])
    await held_to_it(config, replies)


async def test_a_broker_that_dies_while_requests_are_parked_comes_back_with_them(own_kafka):
    config = fresh_config(own_kafka.address, session_timeout=6.0)
    await ready(config)
    with fleet() as workers:
        workers += [Worker(config, slot, seconds=0.2, parked=5) for slot in ("a", "b")]
        for worker in workers:
            await worker.started()
        await parked(config, 300)
        own_kafka.kill9()
        await asyncio.to_thread(own_kafka.start)
        for worker in workers:
            worker.look_after()
        replies = await answered(config, REQUESTS, workers)
    await held_to_it(config, replies)
