"""Publishing from the recorder: what is said on the bus, and what is said when it does not take it."""

import pytest

from headgate.producers.redis_link import Address, RedisLink
from headgate.schemas.record import Record
from headgate.schemas.streams import record_of, stream_key
from headgate.workers.recorder.publisher import NotPublished
from headgate.workers.recorder.publisher_streams import StreamsPublisher
from support.valkey import fresh_prefix

_RECORDS = [
    Record("t.alerts", b"one", b"1", (("content-type", b"application/json"),)),
    Record("t.alerts", b"two", b"2"),
]


async def test_records_are_appended_to_their_stream_in_order_and_it_stays_short(valkey_url):
    prefix = fresh_prefix()
    publisher, link = StreamsPublisher(Address(valkey_url), prefix, keep=100), RedisLink(Address(valkey_url))
    await publisher.publish(_RECORDS)
    entries = await link.call("XRANGE", stream_key(prefix, "t.alerts"), "-", "+")
    assert [record_of("t.alerts", fields) for _, fields in entries] == _RECORDS
    await publisher.publish([_RECORDS[0]] * 400)
    assert await link.call("XLEN", stream_key(prefix, "t.alerts")) < 300
    await publisher.stop()
    await link.close()


async def test_a_server_that_is_not_there_is_told():
    publisher = StreamsPublisher(Address("redis://127.0.0.1:1/0"))
    with pytest.raises(NotPublished):
        await publisher.publish(_RECORDS)
    await publisher.stop()
