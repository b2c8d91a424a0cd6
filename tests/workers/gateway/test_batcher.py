"""Few round trips for many callers."""

import asyncio

import pytest

from headgate.workers.gateway.batcher import Batcher


class Calls:
    def __init__(self):
        self.seen = []
        self.go = asyncio.Event()
        self.called = asyncio.Event()

    async def __call__(self, items):
        self.seen.append(list(items))
        self.called.set()
        await self.go.wait()
        if "bad" in items:
            raise ValueError("bad")
        return [item * 2 for item in items]


async def test_what_is_asked_while_a_call_is_under_way_goes_with_the_next():
    calls = Calls()
    batcher = Batcher(calls)
    first = asyncio.ensure_future(batcher.ask(1))
    await calls.called.wait()
    rest = [asyncio.ensure_future(batcher.ask(n)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    calls.go.set()
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8]
    assert calls.seen == [[1], [2, 3, 4]]


async def test_a_call_has_a_largest_size():
    calls = Calls()
    calls.go.set()
    batcher = Batcher(calls, most=2)
    assert await asyncio.gather(*(batcher.ask(n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert [len(seen) for seen in calls.seen] == [2, 2, 1]


async def test_a_call_that_fails_fails_for_its_own_callers_only():
    calls = Calls()
    calls.go.set()
    batcher = Batcher(calls, most=1)
    answers = await asyncio.gather(batcher.ask("bad"), batcher.ask("x"), return_exceptions=True)
    assert isinstance(answers[0], ValueError)
    assert answers[1] == "xx"


async def test_a_caller_that_gave_up_harms_nobody():
    calls = Calls()
    batcher = Batcher(calls)
    gone, stays = (asyncio.ensure_future(batcher.ask(n)) for n in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    calls.go.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
