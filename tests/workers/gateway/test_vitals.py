"""What strategies hear of deployments' limits: from the config's store, and from providers."""

import msgspec
import pytest

from headgate.routing.admission.demand import Charge, Demand
from headgate.routing.admission.rulebook import Rulebook
from headgate.routing.outcome import Completion
from headgate.routing.plan import make_plan
from headgate.routing.providers.signals import Allowance, Dimension, RateSignal
from headgate.routing.routes import build_routes
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.schemas.config import Config
from headgate.schemas.request import Endpoint
from headgate.workers.admission.memory import MemoryAdmission, MemoryBook
from headgate.workers.admission.memory_store import MemoryStore
from headgate.workers.gateway.circuits import Closed
from headgate.workers.gateway.vitals import Vitals
from support.any_body import request_of
from support.gateways import NoPrices

SECOND = 1_000_000


class Stand:
    """Two deployments with limits, a store of their calendars, and two workers."""

    def __init__(self, **limits):
        listed = [
            {
                "id": name,
                "provider": "p",
                "model": name,
                "price": {"input": 1, "output": 1},
                "limits": {**its, "burst": 1.0},
            }
            for name, its in limits.items()
        ]
        models = [{"name": "m", "deployments": listed, "route": {"strategy": "usage-based"}}]
        provider = {"wire": "anthropic", "base_url": "http://x/v1", "emulate": ["n"]}
        config = Config.model_validate({"providers": {"p": provider}, "models": models})
        self.now = 1_800_000_000 * SECOND
        self.rulebook, self.routes = Rulebook.of(config), build_routes(config, None)
        self.store = MemoryStore(lambda: self.now)
        self.ours, self.theirs = MemoryAdmission(self.store, "w1"), MemoryAdmission(self.store, "w2")
        self.vitals = Vitals(Closed(), TokenEstimator(), self.rulebook.watched, lambda: self.now)
        self.ours.listen(self.vitals.heard)
        self.count = 0

    async def begin(self):
        book = MemoryBook(self.store)
        await book.open("e", {}, (), ())
        await book.ready("e")
        return self

    async def take(self, admission, deployment, amount):
        self.count += 1
        rates = self.rulebook.watched(deployment)
        await admission.acquire([Demand(f"a{self.count}", tuple(Charge(rate.limit, amount) for rate in rates))])

    def plan(self, **body):
        self.count += 1
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
        asked = msgspec.structs.replace(request_of(Endpoint.CHAT, body), id=f"r{self.count}")
        return [target.id for target in make_plan(asked, self.routes, NoPrices(), self.vitals).targets]

    def end(self, deployment, left, **fields):
        target = next(
            twig.node.target for twig in self.routes.models["m"].tree.root.twigs if twig.node.target.id == deployment
        )
        self.vitals.began(target)
        signal = RateSignal((Allowance(Dimension.REQUESTS, left, 100, **fields),))
        self.vitals.ended(target, 1.0, Completion(200, b"{}", "", None), signal)


async def test_what_other_workers_took_is_heard_with_the_next_answer_and_forgotten_as_the_window_slides():
    stand = await Stand(a={"requests_per_minute": 10}, b={"requests_per_minute": 10}).begin()
    await stand.take(stand.theirs, "a", 7)
    assert stand.vitals.left("a") == 1, "nobody has told"
    await stand.take(stand.ours, "a", 1)
    assert stand.vitals.left("a") == pytest.approx(0.2)
    stand.now += 30 * SECOND
    assert stand.vitals.left("a") == pytest.approx(0.6)
    assert stand.vitals.left("b") == 1


async def test_the_tightest_limit_counts_whether_the_config_or_the_provider_sets_it():
    stand = await Stand(a={"requests_per_minute": 10, "requests_per_hour": 20}, b={}).begin()
    await stand.take(stand.ours, "a", 8)
    assert stand.vitals.left("a") == pytest.approx(0.2)
    stand.end("a", left=90)
    assert stand.vitals.left("a") == pytest.approx(0.2)
    stand.end("a", left=10)
    assert stand.vitals.left("a") == pytest.approx(0.1)
    assert stand.vitals.left("b") is None
    stand.end("b", left=40)
    assert stand.vitals.left("b") == pytest.approx(0.4)
    stand.now += 30 * SECOND
    assert stand.vitals.left("b") == pytest.approx(0.7), "half of what was used is free again"


@pytest.mark.parametrize("unit", ["tokens_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"])
async def test_tokens_that_are_expected_of_planned_requests_count_before_anybody_has_asked(unit):
    stand = await Stand(a={unit: 4_000}, b={unit: 1_000}).begin()
    asked = [stand.plan(max_tokens=100, messages=[{"role": "user", "content": "x" * 384}])[0] for _ in range(10)]
    assert asked.count("a") == 8
    assert asked.count("b") == 2


async def test_a_planned_request_counts_as_often_as_it_will_be_called_for():
    stand = await Stand(a={"requests_per_minute": 10}).begin()
    stand.plan(n=3)
    assert stand.vitals.left("a") == pytest.approx(0.7)


async def test_without_limits_and_headers_weights_decide_as_ever():
    stand = await Stand(a={}, b={}).begin()
    firsts = [stand.plan()[0] for _ in range(200)]
    assert 60 < firsts.count("a") < 140
    assert stand.vitals.left("a") is None


@pytest.mark.parametrize(
    ("fields", "left"), [({}, 0.5), ({"reset": 60.0}, 0.5), ({"period": 300.0}, 0.1), ({"reset": 10.0}, 1)]
)
async def test_what_a_provider_said_once_does_not_hold_for_ever(fields, left):
    stand = await Stand(a={}, b={}).begin()
    stand.end("a", left=0, **fields)
    assert stand.vitals.left("a") == 0
    stand.now += 30 * SECOND
    assert stand.vitals.left("a") == pytest.approx(left)
