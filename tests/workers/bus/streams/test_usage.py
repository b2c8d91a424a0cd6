import pytest

from headgate.schemas.record import Record
from headgate.schemas.streams import identity_key
from headgate.workers.bus.port import BusLost
from headgate.workers.bus.streams.usage_source import StreamsUsageSource
from support.streams import LostAnswers


@pytest.fixture
async def source(valkey):
    source = StreamsUsageSource(valkey.address, valkey.prefix)
    yield source
    await source.stop()


async def publish(streams, numbers):
    await streams.append([Record(streams.topics.usage, b"%d" % number) for number in numbers])


async def read(source, count, at_most=1000):
    values, cursors = [], {}
    for _ in range(200):
        for part in await source.read(at_most, 0.05):
            values += map(int, part.values)
            cursors[part.partition] = part.next_cursor
        if len(values) >= count:
            break
    return values, cursors


async def test_what_is_recorded_is_trimmed_and_what_is_not_stays(source, streams):
    await publish(streams, range(10))
    await source.start({})
    _, cursors = await read(source, 4, at_most=4)
    await read(source, 4, at_most=4)
    await source.recorded(cursors)
    assert [int(record.value) for record in await streams.on(streams.topics.usage)] == list(range(4, 10))
    assert source.lag() == 2


async def test_no_usage_is_passed_over_when_an_answer_gets_lost(source, streams):
    await publish(streams, range(60))
    await source.start({})
    for command in ("XREAD", "XLEN"):
        LostAnswers(source._link, command, 2)
    values, cursors = await read(source, 60, at_most=20)
    assert values == list(range(60))
    await source.recorded(cursors)
    assert await streams.on(streams.topics.usage) == []


async def test_what_the_ledger_has_is_trimmed_when_the_source_starts(source, streams, valkey):
    await publish(streams, range(6))
    await source.start({})
    _, cursors = await read(source, 4, at_most=4)
    await source.stop()  # the ledger has committed, and nobody heard
    again = StreamsUsageSource(valkey.address, valkey.prefix)
    await again.start(cursors)
    assert [int(record.value) for record in await streams.on(streams.topics.usage)] == [4, 5]
    assert (await read(again, 2))[0] == [4, 5]
    await again.stop()


async def test_a_server_that_was_emptied_is_another_partition(source, streams, valkey, redis):
    await publish(streams, range(3))
    await source.start({})
    _, cursors = await read(source, 3)
    await redis.delete(identity_key(valkey.prefix), streams.key(streams.topics.usage))
    key = streams.key(streams.topics.usage)
    await redis.execute_command("XADD", key, "5-0", "v", "7")  # below every cursor
    again = StreamsUsageSource(valkey.address, valkey.prefix)
    await again.start(cursors)
    values, fresh = await read(again, 1)
    assert values == [7]
    assert set(fresh) != set(cursors)
    await again.stop()


async def test_a_server_that_gives_lower_ids_again_is_read_from_there(source, streams, redis):
    await publish(streams, range(3))
    await source.start({})
    _, cursors = await read(source, 3)
    await source.stop()
    key = streams.key(streams.topics.usage)
    await redis.delete(key)
    await redis.execute_command("XADD", key, "5-0", "v", "1")
    await source.start(cursors)
    await redis.execute_command("XADD", key, "6-0", "v", "2")
    assert (await read(source, 1))[0] == [2]


async def test_entries_without_a_value_are_empty_values(source, streams, redis):
    await redis.xadd(streams.key(streams.topics.usage), {"foreign": "x"})
    await source.start({})
    [part] = await source.read(10, 1)
    assert part.values == [b""]


async def test_a_key_of_another_kind_ends_the_source(source, streams, redis):
    await redis.set(streams.key(streams.topics.usage), "no stream")
    with pytest.raises(BusLost, match="WRONGTYPE"):
        await source.start({})
