"""What every bus promises to the recorder."""

import asyncio
import time
from collections.abc import Sequence

from conformance.harness import Harness, eventually

from headgate.schemas.record import Record
from headgate.workers.bus.port import UsageSource


async def _publish(harness: Harness, numbers: range | Sequence[int]) -> None:
    """Publish usage as workers do."""
    bus = harness.worker("publisher")
    await bus.start(_nothing, _heard)
    bus.publish([Record(harness.topics.usage, b"%d" % number) for number in numbers])
    await eventually(lambda: bus.status().commits > 0)
    await bus.stop(0)


async def _nothing(_: object) -> None: ...


def _heard(_: object) -> None: ...


async def _read(source: UsageSource, count: int, at_most: int = 1000) -> tuple[list[int], dict[str, str]]:
    """Read until `count` records have come, and return them with the cursors after them."""
    values: list[int] = []
    cursors: dict[str, str] = {}
    async with asyncio.timeout(20):
        while len(values) < count:
            for part in await source.read(at_most, 0.2):
                values += map(int, part.values)
                cursors[part.partition] = part.next_cursor
    return values, cursors


async def test_usage_is_read_from_its_beginning_in_its_order(harness):
    await _publish(harness, range(100))
    source = harness.usage_source()
    await source.start({})
    values, _ = await _read(source, 100)
    assert sorted(values) == list(range(100))
    await source.stop()


async def test_a_new_recorder_goes_on_exactly_where_the_ledger_stands(harness):
    await _publish(harness, range(30))
    source = harness.usage_source()
    await source.start({})
    first, cursors = await _read(source, 10, at_most=10)
    more, _ = await _read(source, 5, at_most=5)  # read, and never recorded
    await source.stop()
    await _publish(harness, range(30, 40))
    source = harness.usage_source()
    await source.start(cursors)
    rest, _ = await _read(source, 40 - len(first))
    assert sorted(first + rest) == list(range(40))
    assert set(more) <= set(rest)
    await source.stop()


async def test_one_read_returns_no_more_than_it_is_asked_for(harness):
    await _publish(harness, range(50))
    source = harness.usage_source()
    await source.start({})
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < 50:
            parts = await source.read(7, 0.2)
            assert sum(len(part.values) for part in parts) <= 7
            seen += [int(value) for part in parts for value in part.values]
    assert sorted(seen) == list(range(50))
    await source.stop()


async def test_a_read_of_nothing_returns_after_the_wait(harness):
    source = harness.usage_source()
    await source.start({})
    began = time.monotonic()
    assert [part for part in await source.read(10, 0.3) if part.values] == []
    assert 0.2 <= time.monotonic() - began < 5
    await source.stop()


async def test_usage_that_comes_during_a_read_is_returned_by_it(harness):
    source = harness.usage_source()
    await source.start({})
    reading = asyncio.create_task(_read(source, 1))
    await _publish(harness, [5])
    values, _ = await reading
    assert values == [5]
    await source.stop()


async def test_what_is_recorded_is_not_read_again(harness):
    await _publish(harness, range(20))
    source = harness.usage_source()
    await source.start({})
    _, cursors = await _read(source, 20)
    await source.recorded(cursors)
    await _publish(harness, range(20, 25))
    values, cursors = await _read(source, 5)
    assert sorted(values) == list(range(20, 25))
    await source.recorded(cursors)
    await source.stop()
    source = harness.usage_source()
    await source.start(cursors)
    assert [part for part in await source.read(10, 0.3) if part.values] == []
    await source.stop()


async def test_cursors_of_other_buses_do_no_harm(harness):
    await _publish(harness, range(5))
    source = harness.usage_source()
    await source.start({"another.usage/0": "17", "another.usage@cafe": "9999999999999-0"})
    values, _ = await _read(source, 5)
    assert sorted(values) == list(range(5))
    await source.stop()


async def test_the_lag_is_what_was_not_read(harness):
    await _publish(harness, range(40))
    source = harness.usage_source()
    await source.start({})
    await _read(source, 10, at_most=10)
    lag = source.lag()
    assert lag is not None
    assert 0 < lag <= 30
    _, cursors = await _read(source, 1)
    while source.lag():
        for part in await source.read(100, 0.1):
            cursors[part.partition] = part.next_cursor
    await source.recorded(cursors)
    await source.read(100, 0.1)
    assert source.lag() == 0
    await source.stop()


async def test_a_recorder_outlives_its_server(own_harness):
    harness = own_harness
    await _publish(harness, range(10))
    source = harness.usage_source()
    await source.start({})
    values, cursors = await _read(source, 10)
    await harness.restart()
    await source.recorded(cursors)
    await _publish(harness, range(10, 20))
    more, cursors = await _read(source, 10)
    assert sorted(values + more) == list(range(20))
    await source.recorded(cursors)
    await source.stop()
