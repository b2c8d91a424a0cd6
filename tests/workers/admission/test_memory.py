"""What only the peer in memory does; what both do is in tests/conformance/test_admission.py."""

import asyncio

from headgate.routing.admission.demand import Charge, Demand, RateLimit
from headgate.routing.admission.verdict import Go, NotReady, Wait
from headgate.workers.admission.memory import MemoryAdmission, MemoryBook
from headgate.workers.admission.memory_store import MemoryStore

LIMIT = RateLimit("l", 1, 1_000_000, 1)


async def test_a_demand_is_granted_once_the_book_is_ready():
    store = MemoryStore(lambda: 10**15)
    admission, book = MemoryAdmission(store, "w"), MemoryBook(store)
    demands = [Demand("a", (Charge(LIMIT, 1),)), Demand("b", (Charge(LIMIT, 1),))]
    assert await admission.acquire(demands) == [NotReady(), NotReady()]
    await book.open("e", {}, (), ())
    await book.ready("e")
    go, wait = await admission.acquire(demands)
    assert go == Go(10**15)
    assert isinstance(wait, Wait)
    assert wait.limit == "l"


async def test_a_worker_that_runs_is_counted_on_until_it_is_cancelled():
    store = MemoryStore(lambda: 10**15)
    admission = MemoryAdmission(store, "w")
    running = asyncio.create_task(admission.run())
    await asyncio.sleep(0)
    assert list(store.members) == ["w"]
    running.cancel()
    await asyncio.wait([running])
    assert list(store.members) == []
