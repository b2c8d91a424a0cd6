"""What the store tells people of budgets: one test over the peers of the book."""

import pytest

from headgate.routing.admission.demand import BudgetWindow, Demand, Hold
from headgate.routing.admission.verdict import Go
from headgate.workers.admission.port import BudgetState, Posting, Spent
from support.admissions import START, Clock, MemoryWorld, RedisWorld
from support.valkey import fresh_prefix

_DAY = BudgetWindow("user:a%3Ab:usd/day", START - 5, START + 3_600_000_000, 100)
_TOTAL = BudgetWindow("org:o:usd/total", 0, None, 2**53)


@pytest.fixture(params=["memory", "valkey", "redis"])
async def world(request):
    clock = Clock()
    if request.param == "memory":
        world = MemoryWorld(clock)
    else:
        world = RedisWorld(clock, request.getfixturevalue(f"{request.param}_url"), fresh_prefix())
    yield world
    await world.close()


async def test_people_are_told_what_is_settled_and_held_of_every_budget(world):
    assert list(await world.book.budgets()) == []
    await world.book.open("e1", {"0": "10"}, [Spent(_DAY, 30)], ())
    await world.book.ready("e1")
    holds = (Hold(_DAY, 40), Hold(_TOTAL, 2**52))
    assert isinstance((await world.worker("w").acquire([Demand("a", holds=holds)]))[0], Go)
    told = await world.book.budgets()
    assert sorted(told, key=lambda one: one.name) == [
        BudgetState("org:o:usd/total", 0, 0, 2**52),
        BudgetState("user:a%3Ab:usd/day", START - 5, 30, 40),
    ]
    await world.book.apply("e1", {"0": ("10", "11")}, [Posting("a", [Spent(_DAY, 33)])], {})
    told = {one.name: (one.settled, one.held) for one in await world.book.budgets() if one.settled or one.held}
    assert told == {"user:a%3Ab:usd/day": (63, 0)}
