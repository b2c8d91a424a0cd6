"""Long lines: whoever stands far back is parked by an estimate, on peers in memory and a virtual clock."""

import asyncio
from contextlib import asynccontextmanager

from headgate.routing.http import REQUEST_HEADER
from headgate.schemas.control import Cancel, control_record
from headgate.schemas.deferral import read_deferral
from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.schemas.topics import Lane, Tier
from support.gateways import TOPICS, chat, config_of
from support.watched import START, asked, held_to, watched

HOURLY = {"requests_per_hour": 60, "burst": 0.05}
#: In a room of 80 a line of 20 is long.
ROOM, FIRST = 80, 40


@asynccontextmanager
async def a_long_line(config=None, **fields):
    """A gateway with a line of a key that is long already; `bench.asked` lists who has asked the store."""
    bench = watched(config=config or held_to(limits=HOURLY), in_flight=ROOM, **fields)
    bench.asked = []
    acquire = bench.admission.acquire

    async def noted(demands):
        bench.asked += demands
        return await acquire(demands)

    bench.admission.acquire = noted
    async with bench:
        await bench.send(*[asked(n) for n in range(FIRST)])
        await turns()
        assert len(away(bench)) > ROOM // 4
        yield bench


async def turns():
    """Let everybody come as far as they can."""
    for _ in range(60):
        await asyncio.sleep(0)


async def until_away(bench, count):
    """Wait until so many were parked by an estimate, a few turns for each."""
    for _ in range(10 * count):
        if len(by_estimate(bench)) == count:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"expected {count} to be parked by an estimate, got {len(by_estimate(bench))}")


def away(bench):
    """Return what was parked remembers, those that have come back since included."""
    return [read_deferral(record, TOPICS) for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]


def by_estimate(bench):
    return [deferral for deferral in away(bench) if deferral.ticket_us is None]


async def test_a_long_line_moves_at_its_limits_pace_though_few_in_it_have_a_slot_of_their_own():
    async with a_long_line() as bench:
        before = len(bench.asked)
        await bench.send(*[asked(n) for n in range(FIRST, 400)])
        await until_away(bench, 400 - FIRST)
        assert len(bench.asked) == before, "nobody asks for a slot that far away"
        replies = await bench.replies(400)
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    at = sorted(bench.provider.at)
    assert all(later - sooner >= 3600 for sooner, later in zip(at, at[60:], strict=False)), "more than 60 in an hour"
    assert at[-1] < 400 / 60 * 3600 * 1.02, "no slot is left unused while somebody waits for one"


async def test_who_stands_far_back_goes_in_the_order_of_the_line():
    async with a_long_line() as bench:
        await bench.send(*[asked(n) for n in range(FIRST, 200)])
        await bench.replies(200)
        called = [int(dict(call.headers)[REQUEST_HEADER][1:]) for call in bench.provider.calls]
    assert len(set(called)) == 200
    assert max(abs(place - number) for place, number in enumerate(called)) <= 5


async def test_whose_turn_comes_after_the_deadline_is_told_at_once_and_which_deadline_would_have_done():
    async with a_long_line() as bench:
        await bench.send(asked(100, deadline=600), asked(101, deadline=7200))
        (late,) = [reply for reply in await bench.replies(FIRST // 10) if reply.custom_id == "c100"]
        assert bench.time.at - START < 600
        replies = {reply.custom_id: reply for reply in await bench.replies(FIRST + 2)}
    assert (late.headgate.status, late.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert late.error.expected.startswith("a deadline after 2027-01-15T08:2")
    assert replies["c101"].headgate.status is Status.COMPLETED


async def test_another_key_and_another_lane_are_not_behind_the_line():
    config = config_of(keys=[{"id": "k", "limits": HOURLY}, {"id": "free"}])
    async with a_long_line(config) as bench:
        await bench.send(*[asked(n) for n in range(FIRST, 400)], chat(1000, key="free"))
        await bench.send(asked(1001, lane=Lane.URGENT))
        await turns()
        replies = {reply.custom_id: reply for reply in await bench.replies(FIRST // 10 + 1)}
        assert replies["c1000"].headgate.queue_ms < 10_000
        await bench.replies(402)
        called = [dict(call.headers)[REQUEST_HEADER] for call in bench.provider.calls]
    assert called.index("r1001") < FIRST + ROOM // 4


async def test_what_was_answered_before_is_answered_again_at_once_however_long_the_line():
    async with a_long_line() as bench:
        (first, *_) = await bench.replies(1)
        await bench.send(asked(int(first.custom_id[1:])))
        await turns()
        again = [r for r in await bench.replies(FIRST // 10 + 1) if r.custom_id == first.custom_id]
        assert len(again) == 2
        assert bench.time.at - START < 600
        assert by_estimate(bench) == []


async def test_after_a_cancel_the_line_is_measured_anew():
    """Those that were cancelled give their slots back, so what is known of the line is no longer true."""
    async with a_long_line() as bench:
        await bench.send(*[asked(n, batch="b1") for n in range(FIRST, 200)])
        await until_away(bench, 200 - FIRST)
        bench.gateway.heard(control_record(Cancel(at_ms=int(bench.time.at * 1000) + 1, batch="b1"), TOPICS))
        before = len(bench.asked)
        await bench.send(asked(1000))
        await turns()
        assert len(bench.asked) == before + 1, "it asks for its slot"
        replies = {reply.custom_id: reply for reply in await bench.replies(201)}
    assert replies["c1000"].headgate.status is Status.COMPLETED
    assert replies["c199"].headgate.status is Status.CANCELLED


async def test_a_wrong_request_of_a_long_line_is_refused_at_once():
    async with a_long_line() as bench:
        await bench.send(asked(100, body={"model": "nobody knows it", "messages": [{"role": "user", "content": "x"}]}))
        await turns()
        (wrong,) = [reply for reply in await bench.replies(FIRST // 10) if reply.custom_id == "c100"]
        assert bench.time.at - START < 600
    assert (wrong.headgate.status, wrong.error.code) == (Status.FAILED, Code.MODEL_NOT_FOUND)
