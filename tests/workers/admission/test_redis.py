"""What only the peer on a Redis can go through: lost answers, restarts, a full server, its own clock."""

import asyncio
import contextlib
import time

import pytest

from headgate.producers.redis_link import LinkDown, RedisLink
from headgate.routing.admission.demand import BudgetWindow, Charge, Correction, Demand, Hold, ParallelLimit, RateLimit
from headgate.routing.admission.verdict import Busy, Go, NotReady, Wait
from headgate.workers.admission.port import Phase, Posting, Spent
from headgate.workers.admission.redis import RedisAdmission
from headgate.workers.admission.redis_book import RedisBook
from support.admissions import Clock, RedisWorld
from support.streams import LostAnswers
from support.valkey import own_valkey, valkey, valkey_url

__all__ = ["own_valkey", "valkey", "valkey_url"]

SECOND = 1_000_000
LIMIT = RateLimit("l", 3, SECOND, 3)
PARALLEL = ParallelLimit("p", 2)
TOTAL = BudgetWindow("b", 0, None, 100)


@pytest.fixture
async def world(valkey):
    world = RedisWorld(Clock(), valkey.url, valkey.prefix)
    await world.book.open("e1", {"0": "0"}, (), ())
    await world.book.ready("e1")
    yield world
    await world.close()


@pytest.fixture
async def own(own_valkey):
    world = RedisWorld(Clock(), own_valkey.url, own_valkey.prefix, own_valkey.address)
    await world.book.open("e1", {"0": "0"}, [Spent(TOTAL, 10)], ())
    await world.book.ready("e1")
    yield world
    await world.link.close()
    await world.client.aclose()


def demands(count, **changes):
    return [Demand(f"a{n}", (Charge(LIMIT, 1),), **changes) for n in range(count)]


async def test_a_call_whose_answer_got_lost_is_answered_the_same(world):
    admission = world.worker("w")
    LostAnswers(world.link, "EVAL", 2)  # one that asks to join, and one that joins
    first = await admission.acquire(demands(4))
    LostAnswers(world.link, "EVAL", 1)
    assert [type(verdict) for verdict in first] == [Go, Go, Go, Wait]
    (again,) = await admission.acquire([Demand("b", (Charge(LIMIT, 1),))])
    assert again.ticket_us == first[-1].ticket_us  # reserved once: there is room for three there


async def test_news_whose_answer_got_lost_counts_once(world):
    admission = world.worker("w")
    wait = (await admission.acquire(demands(4)))[-1]
    await admission.acquire([Demand(f"b{n}", (Charge(LIMIT, 1),)) for n in range(2)])  # the slot is full
    LostAnswers(world.link, "EVAL", 1)
    admission.cancel(demands(4)[-1], wait.ticket_us)
    await admission.flush()
    verdicts = await admission.acquire([Demand(f"c{n}", (Charge(LIMIT, 1),)) for n in range(2)])
    assert [verdict.ticket_us == wait.ticket_us for verdict in verdicts] == [True, False]


async def test_an_append_whose_answer_got_lost_counts_once(world):
    LostAnswers(world.link, "EVAL", 1)
    append = ("e1", {"0": ("0", "1")}, [Posting("x", [Spent(TOTAL, 50)])], {"b": [0.5]})
    with pytest.raises(LinkDown):
        await world.book.apply(*append)
    assert [alert.threshold for alert in await world.book.apply(*append)] == [0.5]
    assert await world.settled(TOTAL) == 50


async def test_a_server_that_was_restarted_is_not_trusted_until_the_book_is_opened_anew(own, own_valkey):
    """Its data may be older than it was when it died; here they are not, and nobody can know."""
    admission = own.worker("w")
    assert await admission.acquire([Demand("a", (), (), (Hold(TOTAL, 20),))]) == [Go(own._clock.now)]
    own_valkey.kill()
    assert await admission.acquire([Demand("b", (), (), (Hold(TOTAL, 1),))]) == [NotReady()]
    await own.link.close()
    assert (await own.book.state()).phase is Phase.EMPTY
    assert await own.book.apply("e1", {"0": ("0", "1")}, [], {}) is None
    assert await own.book.ready("e1") is False
    await own.book.open("e2", {"0": "0"}, [Spent(TOTAL, 10)], ())
    await own.book.ready("e2")
    assert await admission.acquire([Demand("b", (), (), (Hold(TOTAL, 71),))]) == [Busy("b")]
    assert await admission.acquire([Demand("b", (), (), (Hold(TOTAL, 70),))]) == [Go(own._clock.now)]


async def test_while_the_server_is_full_nothing_is_granted_and_everything_is_heard(own):
    admission = own.worker("w")
    assert len(await admission.acquire([Demand("a", (), (PARALLEL,), (Hold(TOTAL, 20),))])) == 1
    await own.client.config_set("maxmemory", 1)
    asking = asyncio.create_task(admission.acquire([Demand("b", (), (PARALLEL,), (Hold(TOTAL, 20),))]))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(asking)
    assert not asking.done()
    assert await own.book.apply("e1", {"0": ("0", "1")}, [Posting("a", [Spent(TOTAL, 20)])], {}) == []
    await own.client.config_set("maxmemory", 0)
    assert await asking == [Go(own._clock.now)]


async def test_what_is_queued_is_sent_by_itself_and_a_cancelled_worker_takes_leave(valkey):
    link = RedisLink(valkey.address)
    watching = RedisWorld(None, valkey.url, valkey.prefix)
    book = RedisBook(link, valkey.prefix, settle_seconds=0)
    await book.open("e1", {}, (), ())
    await book.ready("e1")
    admission = RedisAdmission(link, valkey.prefix, "w", dead_after=1.0)
    running = asyncio.create_task(admission.run())
    now = time.time()
    verdicts = await admission.acquire([Demand(f"a{n}", (), (PARALLEL,)) for n in range(2)])
    assert all(abs(verdict.at_us / 1e6 - now) < 10 for verdict in verdicts)
    admission.finish("a0", ())
    async with asyncio.timeout(10):
        while await watching.in_parallel("p") != 1:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait([running])
    assert await watching.in_parallel("p") == 0
    assert await watching.left() == []
    await link.close()
    await watching.close()


async def test_calendars_expire_when_no_window_reaches_them_any_more(valkey):
    link = RedisLink(valkey.address)
    watching = RedisWorld(None, valkey.url, valkey.prefix)
    book, admission = RedisBook(link, valkey.prefix, settle_seconds=0), RedisAdmission(link, valkey.prefix, "w")
    await book.open("e1", {}, (), ())
    await book.ready("e1")
    await admission.acquire(demands(4))
    (key,) = await watching.keys("e1:rate:*")
    # the last slot is reserved one period ahead
    assert 1500 < await watching.client.pttl(key) <= 2200
    await link.close()
    await watching.close()


async def test_a_demand_on_a_limit_that_is_reserved_for_hours_costs_the_server_no_more(world):
    slow = RateLimit("slow", 60, 60 * SECOND, 6)
    admission = world.worker("w")

    async def fields_read(first):
        await world.client.config_resetstat()
        await admission.acquire([Demand(f"{first}-{n}", (Charge(slow, 1),)) for n in range(200)])
        return (await world.client.info("commandstats")).get("cmdstat_hmget", {"calls": 0})["calls"]

    few = await fields_read("x")
    for n in range(20):
        verdict = (await admission.acquire([Demand(f"{n}-{m}", (Charge(slow, 1),)) for m in range(200)]))[-1]
    assert verdict.seconds > 3600
    assert await fields_read("y") <= few + 20


async def test_amounts_that_the_store_cannot_count_are_refused(world):
    admission = world.worker("w")
    large = RateLimit("large", 2**54, SECOND, 2**54)
    for demand in (
        Demand("a", (Charge(large, 2**53 + 1),)),
        Demand("a", (Charge(large, -1),)),
        Demand("a", (), (), (Hold(TOTAL, 2**53 + 1),)),
    ):
        with pytest.raises(ValueError, match=r"from 0 to 2\*\*53"):
            await admission.acquire([demand])
    await admission.acquire([Demand("a", (Charge(LIMIT, 1),))])
    with pytest.raises(ValueError, match=r"2\*\*53"):
        admission.finish("a", [Correction(LIMIT, 2**53 + 1)])
    with pytest.raises(ValueError, match=r"2\*\*53"):
        admission.settle("a", [2**53 + 1])


async def test_all_keys_have_the_same_hash_tag(world):
    admission = world.worker("w")
    await admission.acquire([Demand("a", (Charge(LIMIT, 1),), (PARALLEL,), (Hold(TOTAL, 1),))])
    admission.finish("a", ())
    await admission.flush()
    keys = [key async for key in world.client.scan_iter(f"*{world._prefix.rstrip('.')}*", count=1000)]
    assert len(keys) > 5
    assert all(key.startswith(f"{{{world._prefix.rstrip('.')}}}:".encode()) for key in keys)
