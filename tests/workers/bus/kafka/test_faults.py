"""Workers that are processes, and die: every request gets exactly one reply all the same."""

import asyncio
import signal

import pytest
from conformance.harness import Desk, eventually, request

from headgate.schemas.topics import Topics
from headgate.workers.bus.kafka.bus import KafkaBus
from support.kafka_client import append, fresh_config, make_topics
from support.kafka_fleet import Worker, answered, fleet, numbers

pytestmark = pytest.mark.kafka


async def test_kill_9_in_the_middle_leaves_one_reply_and_one_usage_record_per_request(kafka_address):
    config = fresh_config(kafka_address)
    topics = Topics(config.prefix)
    await make_topics(config)
    await append(config, [request(topics, n, size=1000) for n in range(4000)])
    with fleet() as workers:
        worker = Worker(config, "a", share=0.02)
        workers.append(worker)
        await worker.started()
        for threshold in (300, 1500, 2800):
            await answered(config, threshold)
            worker.kill9()
            worker.start()
        replies = await answered(config, 4000)
        await worker.stop()
    assert set(replies.values()) == {1}
    assert await numbers(config, topics.replies()) == replies
    assert await numbers(config, topics.usage) == replies


async def test_members_come_and_go_and_each_request_has_one_reply(kafka_address):
    config = fresh_config(kafka_address)
    topics = Topics(config.prefix)
    await make_topics(config)
    await append(config, [request(topics, n) for n in range(1000)])
    with fleet() as workers:
        workers.append(Worker(config, share=0.05))
        await workers[0].started()
        await answered(config, 200)
        workers.append(Worker(config, share=0.05))
        await append(config, [request(topics, n) for n in range(1000, 2500)])
        await workers[1].started()
        await answered(config, 1500)
        workers[0].kill9()
        await append(config, [request(topics, n) for n in range(2500, 3000)])
        workers[0].start()
        replies = await answered(config, 3000)
        await workers[1].stop()
        await append(config, [request(topics, n) for n in range(3000, 3200)])
        replies = await answered(config, 3200)
    assert set(replies.values()) == {1}
    assert set(await numbers(config, topics.usage)) == set(range(3200))


async def test_a_worker_that_was_suspended_past_its_session_overwrites_nothing(kafka_address):
    config = fresh_config(kafka_address)
    topics = Topics(config.prefix)
    await make_topics(config)
    count = 0
    with fleet() as workers:
        workers += [Worker(config, share=0.3), Worker(config, share=0.3)]
        for worker in workers:
            await worker.started()
        for sleeper in (0, 1):
            await append(config, [request(topics, n) for n in range(count, count + 400)])
            count += 400
            await answered(config, count - 300)
            workers[sleeper].send(signal.SIGSTOP)
            await asyncio.sleep(4)  # longer than the session, and than the other one needs to do it all again
            workers[sleeper].send(signal.SIGCONT)
            replies = await answered(config, count)
            assert set(replies.values()) == {1}
        await append(config, [request(topics, n) for n in range(count, count + 100)])
        replies = await answered(config, count + 100, workers)
        await asyncio.gather(*(worker.stop() for worker in workers))
    assert await numbers(config, topics.replies()) == replies
    assert set(replies.values()) == {1}


async def test_a_broker_that_is_killed_and_comes_back_loses_nothing(own_kafka):
    config = fresh_config(own_kafka.address, session_timeout=6.0)
    topics = Topics(config.prefix)
    await make_topics(config)
    await append(config, [request(topics, n) for n in range(3000)])
    with fleet() as workers:
        workers += [Worker(config, "a", share=0.05), Worker(config, "b", share=0.05)]
        for worker in workers:
            await worker.started()
        for threshold in (300, 1500):
            await answered(config, threshold, workers)
            own_kafka.kill9()
            await asyncio.to_thread(own_kafka.start)
        replies = await answered(config, 3000, workers)
    assert set(replies.values()) == {1}
    assert set(await numbers(config, topics.usage)) == set(range(3000))


async def test_a_worker_that_has_nothing_to_do_says_that_its_broker_is_away_and_that_it_is_back(own_kafka):
    bus, desk = KafkaBus(fresh_config(own_kafka.address), "a"), Desk(Topics())
    await bus.start(desk.admit, desk.hear)
    await eventually(lambda: bus.status().ready)
    await asyncio.to_thread(own_kafka.kill9)
    await eventually(lambda: not bus.status().ready, seconds=30)
    await asyncio.to_thread(own_kafka.start)
    await eventually(lambda: bus.status().ready, seconds=60)
    await bus.stop(5)
