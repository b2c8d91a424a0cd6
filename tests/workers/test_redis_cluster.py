"""Redis Cluster: whichever node is configured, all that Headgate keeps there is found."""

import asyncio
import itertools

import pytest

from headgate.producers.redis_link import Address, LinkDown, RedisLink
from headgate.producers.streams import StreamsBatchBus
from headgate.routing.admission.demand import BudgetWindow, Charge, Demand, Hold, Mark, ParallelLimit, RateLimit
from headgate.routing.admission.verdict import Go
from headgate.schemas.record import Record
from headgate.schemas.streams import tag
from headgate.schemas.topics import Lane, Topics
from headgate.workers.admission.port import Phase, Posting, Spent
from headgate.workers.admission.redis import RedisAdmission
from headgate.workers.admission.redis_book import RedisBook
from headgate.workers.bus.streams.bus import StreamsBus
from headgate.workers.bus.streams.settings import StreamsSettings
from headgate.workers.journal.claims import Answer, Answered, Begun, Claim, Mine, Run
from headgate.workers.journal.on_redis import RedisJournal
from support.redis_cluster import Cluster

TOTAL = BudgetWindow("b", 0, None, 100)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def prefix(cluster):
    """A prefix whose keys lie on the second node."""
    return next(name for number in itertools.count() if cluster.owner(tag(name := f"p{number}.")) == 1)


@pytest.fixture
async def link(cluster):
    """A connection to the first node."""
    link = RedisLink(Address(cluster.url(0)))
    yield link
    await link.close()


async def test_journal_admission_and_book_are_found_on_the_node_that_has_them(cluster, link, prefix):
    before = cluster.keys(0)
    admission, book = RedisAdmission(link, prefix, "w"), RedisBook(link, prefix, settle_seconds=0)
    await book.open("e1", {"0": "0"}, [Spent(TOTAL, 10)], ())
    assert await book.ready("e1")
    await admission.beat()
    journal = RedisJournal(link, prefix, "w")
    claim = Claim("r1", "place", b"f" * 16, Run("run-1", 1, ()))
    assert await journal.claim([claim]) == [Mine()]
    mark = journal.mark(claim, Run("run-1", 1, (Begun("d1"),)))
    assert isinstance(mark, Mark)
    charges = (Charge(RateLimit("l", 3, 1_000_000, 3), 1),)
    demand = Demand("a1", charges, (ParallelLimit("p", 2),), (Hold(TOTAL, 20),), mark)
    (verdict,) = await admission.acquire([demand])
    assert isinstance(verdict, Go)
    admission.finish("a1", ())
    admission.settle("a1", (15,))
    await admission.flush()
    assert await journal.answer([(claim, Answer(b"{}", (), "place"))]) == [True]
    await journal.committed([claim])
    (again,) = await journal.claim([claim])
    assert isinstance(again, Answered)
    assert await book.apply("e1", {"0": ("0", "1")}, [Posting("a1", [Spent(TOTAL, 15)])], {"b": [0.2]}) is not None
    assert (await book.state()).phase is Phase.READY
    (state,) = await book.budgets()
    assert (state.settled, state.held) == (25, 0)
    assert cluster.keys(0) == before
    assert cluster.keys(1) > 0


async def test_a_batch_passes_through_streams_on_the_node_that_has_them(cluster, prefix):
    topics, address = Topics(prefix), Address(cluster.url(0))
    batches, bus = StreamsBatchBus(address, prefix), StreamsBus(address, StreamsSettings("a", prefix, read_wait=0.1))
    delivered = asyncio.get_running_loop().create_future()

    async def admit(deliveries):
        for delivery in deliveries:
            bus.complete(delivery, [Record(topics.replies(), b"reply")], [])
        delivered.set_result(len(deliveries))

    await batches.start()
    cursor = await batches.end_of_replies(topics.replies())
    await bus.start(admit, lambda _: None)
    await batches.submit("b", [Record(topics.requests(Lane.BULK), b"{}")], 1)
    async with asyncio.timeout(20):
        assert await delivered == 1
        while not (got := await batches.replies(topics.replies(), cursor, 1.0)).records:
            cursor = got.cursor
    await bus.stop(5)
    await batches.stop()
    assert [record.value for record in got.records] == [b"reply"]


async def test_a_node_that_is_gone_is_trouble_that_passes_and_the_configured_one_is_asked_again(tmp_path):
    with Cluster(tmp_path) as cluster:
        key = next(f"k{number}" for number in itertools.count() if cluster.owner(f"k{number}") == 1)
        link = RedisLink(Address(cluster.url(0)), timeout_seconds=2.0)
        assert await link.call("SET", key, "v") == b"OK"
        cluster.kill(1)
        for _ in range(3):
            with pytest.raises(LinkDown):
                await link.call("GET", key)
        assert await link.call("PING") == b"PONG", "the configured node answers what it can"
        await link.close()
