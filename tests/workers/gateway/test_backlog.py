"""The backlog: requests of long lines are read when the others have been."""

import asyncio
import json

import pytest

from headgate.routing.access.keyring import Keyring
from headgate.routing.admission.line import Lines
from headgate.schemas.record import Record
from headgate.schemas.request import Defaults
from headgate.schemas.topics import Lane, Tier, Topics
from headgate.workers.bus.port import Delivery
from headgate.workers.gateway.backlog import Backlog
from headgate.workers.gateway.clock import Clock
from headgate.workers.gateway.room import Room
from support.gateways import config_of

TOPICS = Topics()
LONG = 2
STANDARD = TOPICS.requests(Lane.STANDARD)


class Stand:
    """A backlog, and a gateway that is fed when it is told to."""

    def __init__(self, *, room=100, config=None):
        self.lines = Lines(LONG)
        self.fed, self.slept, self.tasks = [], [], []
        self.busy = False
        self.now = 0.0
        self.hungry = asyncio.Event()
        self.hungry.set()
        self.backlog = Backlog(
            {TOPICS.requests(lane): lane for lane in Lane},
            Defaults(key="nobody"),
            Keyring.of(config or config_of()),
            self.lines,
            Room(room, 10**9),
            Clock(lambda: self.now, self.sleep),
            lambda: 0,
            self.feed,
            lambda work: self.tasks.append(asyncio.ensure_future(work)),
            lambda: self.busy,
        )

    def long(self, key, lane=Lane.STANDARD):
        for slot in range(1, LONG + 1):
            self.lines.reserved(key, lane, slot)

    async def feed(self, deliveries):
        await self.hungry.wait()
        self.now += 1.0
        self.fed += [delivery.place for delivery in deliveries]

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def over(self):
        await asyncio.gather(*self.tasks)


def of(key, place, topic=STANDARD, headers=()):
    return Delivery(Record(topic, json.dumps({"body": {}, "key": key}).encode(), None, headers), place, 0, None)


def places(deliveries):
    return [delivery.place for delivery in deliveries]


async def test_without_a_long_line_nothing_is_looked_at():
    stand = Stand()
    given = [Delivery(Record("t", None), "1", 0, None)]
    assert await stand.backlog.others(given) is given


async def test_those_of_a_long_line_are_read_later_in_their_order_and_the_others_go_on():
    stand = Stand()
    stand.long("slow")
    rest = await stand.backlog.others([of("slow", "1"), of("free", "2"), of("slow", "3"), of("free", "4")])
    assert places(rest) == ["2", "4"]
    assert stand.fed == []
    await stand.over()
    assert stand.fed == ["1", "3"]


async def test_a_key_in_a_header_counts_and_what_is_no_request_goes_on():
    stand = Stand()
    stand.long("slow")
    named = Delivery(
        Record(TOPICS.requests(Lane.STANDARD), b'{"body": {}}', None, (("headgate-key", b"slow"),)), "1", 0, None
    )
    broken = Delivery(Record(TOPICS.requests(Lane.STANDARD), b'{"key": "slow"', None), "2", 0, None)
    assert places(await stand.backlog.others([named, broken])) == ["2"]
    await stand.over()


async def test_what_comes_back_from_a_deferral_topic_has_stood_in_line_already():
    stand = Stand()
    stand.long("slow")
    given = [of("slow", "1", TOPICS.deferred(Tier.MINUTE))]
    assert places(await stand.backlog.others(given)) == ["1"]


@pytest.mark.parametrize(("topic", "stays"), [(Lane.URGENT, ["1"]), (Lane.STANDARD, []), (Lane.BULK, ["1"])])
async def test_a_line_is_that_of_a_lane(topic, stays):
    stand = Stand()
    stand.long("slow")
    assert places(await stand.backlog.others([of("slow", "1", TOPICS.requests(topic))])) == stays
    await stand.over()


async def test_a_key_that_may_not_be_urgent_stands_where_it_may():
    stand = Stand(config=config_of(keys=[{"id": "slow", "lane": "bulk"}]))
    stand.long("slow", Lane.BULK)
    assert await stand.backlog.others([of("slow", "1", TOPICS.requests(Lane.URGENT))]) == []
    await stand.over()


async def test_when_there_is_no_room_for_more_nobody_delivers_more():
    stand = Stand(room=3)
    stand.long("slow")
    stand.hungry.clear()
    asking = asyncio.create_task(stand.backlog.others([of("slow", str(n)) for n in range(5)]))
    done, _ = await asyncio.wait({asking}, timeout=0.05)
    assert not done
    stand.hungry.set()
    assert await asking == []
    await stand.over()
    assert stand.fed == [str(n) for n in range(5)]
    assert stand.backlog.room.in_flight == 0


async def test_while_others_are_served_it_takes_a_fourth_of_the_time():
    stand = Stand()
    stand.long("slow")
    stand.busy = True
    await stand.backlog.others([of("slow", str(n)) for n in range(40)])
    await stand.over()
    assert stand.slept == [3.0, 3.0]


async def test_when_nobody_else_is_served_it_goes_on_at_once():
    stand = Stand()
    stand.long("slow")
    await stand.backlog.others([of("slow", str(n)) for n in range(40)])
    await stand.over()
    assert stand.slept[-1] == 0


async def test_while_more_is_read_from_the_bus_it_takes_a_fourth_of_the_time():
    """What is read may be another key's."""
    stand = Stand()
    stand.long("slow")
    await stand.backlog.others([of("slow", str(n)) for n in range(10)])
    assert stand.slept == []
    await stand.over()
    assert stand.slept == [3.0]


async def test_what_is_put_aside_when_all_has_been_read_is_read_too():
    stand = Stand()
    stand.long("slow")
    for number in range(3):
        await stand.backlog.others([of("slow", str(number))])
        await stand.over()
    assert stand.fed == ["0", "1", "2"]


async def test_what_is_put_aside_while_it_reads_waits_for_its_turn():
    stand = Stand()
    stand.long("slow")
    stand.hungry.clear()
    for number in range(3):
        await stand.backlog.others([of("slow", str(number))])
        await asyncio.sleep(0)
    assert len(stand.tasks) == 1
    stand.hungry.set()
    await stand.over()
    assert stand.fed == ["0", "1", "2"]
