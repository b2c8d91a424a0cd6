"""Budgets: what they do not allow waits, is refused, or goes to a cheaper model, on peers in memory."""

from msgspec.structs import replace

from headgate.routing.admission.demand import BudgetWindow
from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas.failures import Code
from headgate.schemas.reading import read_request
from headgate.schemas.reply import Status
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane, Tier
from headgate.schemas.usage import Cause
from headgate.workers.admission.port import Posting, Spent
from headgate.workers.gateway.runner import fingerprint
from headgate.workers.journal.claims import Begun, Claim, Mine, Run
from headgate.workers.journal.in_memory import MemoryJournal
from support.gateways import TOPICS, Bench, Provider, chat, config_of, target
from support.watched import START, asked, held_to, watched


async def test_what_a_budget_does_not_allow_is_refused_where_the_config_says_so():
    config = held_to(budgets=[{"usd": "0.00000001", "per": "day", "at_limit": "refuse"}])
    async with Bench(Provider(), config=config) as bench:
        await bench.send(asked(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.REFUSED
    assert reply.error.code in {Code.LIMIT_TOO_SMALL, Code.BUDGET_EXCEEDED}


async def test_what_a_budget_does_not_allow_waits_outside_memory_for_its_next_window():
    hour = BudgetWindow("key:k:requests/hour", round(START * 1e6), round((START + 3600) * 1e6), 3)
    async with watched(config=held_to(budgets=[{"requests": 3, "per": "hour"}])) as bench:
        await bench.send(*[asked(n) for n in range(5)], asked(5, deadline=600))
        await bench.replies(3)
        spent = [Posting(event.event_id, (Spent(hour, 1),)) for event in bench.events()]
        await bench.book.apply("first life", {"u": (None, "1")}, spent, {})
        replies = {reply.custom_id: reply for reply in await bench.replies(6)}
        parked = [record for tier in Tier for record in bench.bus.on(TOPICS.deferred(tier))]
    late = replies.pop("c5")
    assert (late.headgate.status, late.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert late.error.expected == "a deadline after 2027-01-15T09:00:00.000Z"
    assert {reply.headgate.status for reply in replies.values()} == {Status.COMPLETED}
    assert parked
    assert [at >= 3600 for at in sorted(bench.provider.at)] == [False] * 3 + [True] * 2


async def test_a_request_that_may_cost_more_than_it_wants_is_refused():
    async with Bench(Provider()) as bench:
        await bench.send(chat(1, max_cost="0.00000001"), chat(2, max_cost=1))
        replies = {reply.custom_id: reply for reply in await bench.replies(2)}
    assert replies["c1"].error.code is Code.MAX_COST_EXCEEDED
    assert replies["c2"].headgate.status is Status.COMPLETED


async def test_a_spent_budget_sends_requests_to_the_cheaper_model():
    tiny = Plan((target("tiny-a", upstream_model="tiny", price=None),), RetryPolicy())
    config = config_of(
        unpriced="allow",
        keys=[{"id": "k", "budgets": [{"usd": "0.000001", "per": "total", "at_limit": {"fallback": "tiny"}}]}],
        providers={"openai": {}},
        models=[{"name": "tiny", "deployments": [{"id": "tiny-a", "provider": "openai", "model": "tiny"}]}],
    )
    async with Bench(Provider(), config=config, models={"tiny": tiny}, allow_unpriced=True) as bench:
        spent = Spent(BudgetWindow("key:k:usd/total", 0, None, 1000), 999)
        await bench.book.apply("first life", {"u": (None, "1")}, [Posting("earlier", (spent,))], {})
        await bench.send(asked(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert reply.headgate.deployment == "tiny-a"
    assert events[-1].cause is Cause.FALLBACK


async def test_an_interrupted_attempt_at_the_cheaper_model_is_booked_as_one():
    """Else it would have the price, and be charged to the budgets, of a deployment that nobody called."""
    tiny = Plan((target("tiny-a", upstream_model="tiny", price=None),), RetryPolicy())
    config = config_of(
        unpriced="allow",
        keys=[{"id": "k", "budgets": [{"usd": 1, "per": "total", "at_limit": {"fallback": "tiny"}}]}],
        providers={"openai": {}},
        models=[{"name": "tiny", "deployments": [{"id": "tiny-a", "provider": "openai", "model": "tiny"}]}],
    )
    async with Bench(Provider(), config=config, models={"tiny": tiny}, allow_unpriced=True) as bench:
        alive = {"dead", "w1"}
        bench.journal_store.lives = alive.__contains__
        colleague = MemoryJournal("dead", bench.journal_store)
        run = Run("dead-run", int(START * 1e6), ())
        claim = Claim(
            "1:k:r1",
            "elsewhere",
            fingerprint(read_request(asked(1), Arrival("x/0", Lane.STANDARD, int(START * 1000)), Defaults())),
            run,
        )
        assert await colleague.claim([claim]) == [Mine()]
        bench.journal_store.write(
            colleague.mark(claim, replace(run, attempts=tuple(map(Begun, ("d1", "tiny-a", "gone")))))
        )
        alive.discard("dead")
        await bench.send(asked(1))
        await bench.replies(1)
        first, second, third, _ = bench.events()
    assert [(each.deployment, each.model, each.cause) for each in (first, second, third)] == [
        ("d1", "small", Cause.FIRST),
        ("tiny-a", "tiny", Cause.FALLBACK),
        ("gone", "small", Cause.RETRY),
    ]
    assert (first.cost_nano > 0, second.cost_nano) == (True, 0)
