"""Minutes of chaos: workers killed, suspended, stopped and started at random, and the broker killed."""

import asyncio
import os
import random
import signal

import pytest
from conformance.harness import request

from headgate.schemas.topics import Topics
from support.kafka_client import append, fresh_config, make_topics
from support.kafka_fleet import Worker, answered, fleet, numbers

pytestmark = [pytest.mark.kafka, pytest.mark.soak]

REQUESTS = 30_000


async def test_every_request_has_one_reply_whatever_happens_to_workers_and_broker(own_kafka, request_seed):
    rng = random.Random(request_seed)
    config = fresh_config(own_kafka.address, session_timeout=3.0)
    topics = Topics(config.prefix)
    await make_topics(config)
    with fleet() as workers:
        workers += [Worker(config, slot, share=0.05, parked=3) for slot in ("a", "b", "-")]
        for window in range(0, REQUESTS, 1000):
            await append(config, [request(topics, n) for n in range(window, window + 1000)])
            await upset(rng, workers, own_kafka)
        replies = await answered(config, REQUESTS, workers, seconds=240)
    assert set(replies.values()) == {1}
    assert set(await numbers(config, topics.usage)) == set(range(REQUESTS))


async def upset(rng, workers, broker):
    """Do one bad thing."""
    worker = rng.choice(workers)
    what = rng.choice(["kill", "kill", "suspend", "stop", "nothing", "nothing", "broker"])
    await asyncio.sleep(rng.random() * 2)
    worker.look_after()
    if what == "kill":
        worker.kill9()
        worker.start()
    elif what == "suspend":
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(rng.random() * 6)
        worker.send(signal.SIGCONT)
    elif what == "stop":
        worker.send(signal.SIGTERM)
        await asyncio.to_thread(worker.process.wait, 30)
        worker.process.stdout.close()
        worker.start()
    elif what == "broker":
        await asyncio.to_thread(broker.kill9)
        await asyncio.to_thread(broker.start)


@pytest.fixture
def request_seed(record_property):
    """Say the seed, so that a failure can be had again."""
    seed = int(os.environ.get("HEADGATE_SOAK_SEED", random.SystemRandom().randrange(10**6)))
    record_property("seed", seed)
    return seed
