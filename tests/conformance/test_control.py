"""What every bus promises about the control topic."""

import asyncio

import pytest
from conformance.harness import eventually

from headgate.schemas.record import Record


def _said(harness, *numbers):
    return [Record(harness.topics.control, b"%d" % n, None, (("h", b"\xff"),)) for n in numbers]


async def _listening(harness):
    feed, heard = harness.control_feed(), []
    await feed.start(heard.append)
    return feed, heard


def _numbers(heard):
    return [int(record.value) for record in heard]


async def test_every_worker_hears_everything_what_was_said_before_it_came_included(harness):
    await harness.append(_said(harness, *range(1500)))
    feeds = [await _listening(harness) for _ in range(2)]
    for feed, heard in feeds:
        await asyncio.wait_for(feed.ready(), 20)
        assert sorted(_numbers(heard)) == list(range(1500))
        assert heard[0].headers == (("h", b"\xff"),)
    await harness.append(_said(harness, 5000))
    for feed, heard in feeds:
        await eventually(lambda its=heard: len(its) == 1501, seconds=5)
        assert _numbers(heard)[-1] == 5000
        await feed.stop()
        await feed.closed()


async def test_where_nothing_was_said_a_feed_is_ready_at_once_and_hears_the_first_word_soon(harness):
    feed, heard = await _listening(harness)
    await asyncio.wait_for(feed.ready(), 5)
    assert heard == []
    for number in range(3):
        await harness.append(_said(harness, number))
        await eventually(lambda upto=number: len(heard) == upto + 1, seconds=5)
    assert _numbers(heard) == [0, 1, 2]
    await feed.stop()


async def test_nothing_is_heard_after_a_stop(harness):
    feed, heard = await _listening(harness)
    await feed.ready()
    await feed.stop()
    await harness.append(_said(harness, 1))
    await asyncio.sleep(0.3)
    assert heard == []


async def test_a_feed_goes_on_when_its_server_is_back(own_harness):
    feed, heard = await _listening(own_harness)
    for number in range(4):
        await own_harness.append(_said(own_harness, number))
        await eventually(lambda upto=number: upto in _numbers(heard))
        await own_harness.restart()
    await own_harness.append(_said(own_harness, 9))
    await eventually(lambda: 9 in _numbers(heard))
    assert len(heard) == len(set(_numbers(heard)))
    await feed.stop()


async def test_a_feed_whose_listener_fails_does_not_look_alive(harness):
    feed = harness.control_feed()

    def heard(_):
        raise ValueError("a mistake")

    await feed.start(heard)
    await harness.append(_said(harness, 1))
    with pytest.raises(Exception, match="a mistake"):
        await asyncio.wait_for(feed.closed(), 10)
    with pytest.raises(Exception, match="a mistake"):
        await feed.ready()
    await feed.stop()
