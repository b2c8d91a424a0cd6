"""From a request to a plan, and from the config to the routes."""

from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.plan import Openings, Routes
from headgate.routing.plan import make_plan as planned
from headgate.routing.prices import from_config
from headgate.routing.routes import Unroutable, build_routes
from headgate.routing.standing import Quiet
from headgate.routing.target import Plan, RetryPolicy
from headgate.schemas import config as c
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from support.gateways import PRICE, routed, target


class Prices:
    """Knows what it is given; the price may change while it is asked."""

    def __init__(self, **known):
        self.known = known

    def find(self, provider, model):
        return self.known.get(f"{provider}/{model}".replace("-", "_").replace("/", "__"))


def request(model="small", name="r1"):
    return Request(name, Endpoint.CHAT, model, b"{}", "local", Lane.STANDARD, "t", 10**13, 0)


def routes(*targets, allow_unpriced=False):
    models = {"small": routed(Plan(targets, RetryPolicy()))}
    return Routes(models, {}, RetryPolicy(), allow_unpriced=allow_unpriced)


def make_plan(request, routes, prices):
    return planned(request, routes, prices, Quiet())


@given(st.text(), st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_every_target_is_in_the_plan_once_and_the_order_is_repeatable(name, weights):
    targets = [target(f"d{n}", weight=weight) for n, weight in enumerate(weights)]
    plan = make_plan(request(name=name), routes(*targets), Prices())
    assert plan == make_plan(request(name=name), routes(*targets), Prices())
    assert sorted(t.id for t in plan.targets) == sorted(t.id for t in targets)


def test_weights_are_shares_of_first_places():
    targets = target("a", weight=3), target("b", weight=1), target("never", weight=0)
    firsts = Counter(make_plan(request(name=f"r{n}"), routes(*targets), Prices()).targets[0].id for n in range(4_000))
    assert firsts["never"] == 0
    assert firsts["a"] / 4_000 == pytest.approx(0.75, abs=0.03)


def test_a_model_that_nobody_knows_is_a_failure_that_names_the_known_ones():
    got = make_plan(request("huge"), routes(target()), Prices())
    assert isinstance(got, Failure)
    assert (got.code, got.expected, got.given) == (Code.MODEL_NOT_FOUND, "body.model: small", "huge")


def test_a_target_without_a_price_is_left_out_and_alone_it_refuses():
    unpriced = target("free", price=None)
    plan = make_plan(request(), routes(target("a"), unpriced), Prices())
    assert [t.id for t in plan.targets] == ["a"]
    alone = make_plan(request(), routes(unpriced), Prices())
    assert isinstance(alone, Failure)
    assert alone.code is Code.UNPRICED
    assert isinstance(make_plan(request(), routes(unpriced, allow_unpriced=True), Prices()), Plan)


def test_the_list_is_asked_for_every_plan_because_prices_change():
    prices, ours = Prices(), routes(target(price=None))
    assert isinstance(make_plan(request(), ours, prices), Failure)
    prices.known["openai__gpt_4o_mini"] = PRICE
    assert make_plan(request(), ours, prices).targets[0].price is PRICE


SIMULATED = build_routes(c.Config(), "http://127.0.0.1:1/v1/")


def test_without_a_config_the_simulator_answers_whatever_has_a_price():
    (only,) = make_plan(request("gpt-9"), SIMULATED, Prices(simulator__gpt_9=PRICE)).targets
    assert (only.id, only.provider, only.upstream_model) == ("simulator/gpt-9", "simulator", "gpt-9")
    assert (only.base_url, only.api_key) == ("http://127.0.0.1:1/v1", None)
    unknown = make_plan(request("gpt-typo"), SIMULATED, Prices())
    assert isinstance(unknown, Failure)
    assert unknown.code is Code.MODEL_NOT_FOUND


CONFIG = c.Config.model_validate(
    {
        "providers": {"openai": {"api_key": "sk-1"}, "mine": {"base_url": "http://10.0.0.5:8000/v1/"}},
        "models": [
            {
                "name": "small",
                "deployments": [
                    {"id": "a", "provider": "openai", "model": "gpt-4o-mini", "weight": 3, "timeout": "5s"},
                    {"id": "b", "provider": "mine", "model": "qwen", "price": {"input": "0.1", "output": "0.4"}},
                ],
                "route": {"retries": 7, "backoff": "100ms", "max_backoff": 9},
            }
        ],
    }
)


def test_a_config_becomes_routes_with_everything_resolved():
    plan = make_plan(request(), build_routes(CONFIG, None), Prices(openai__gpt_4o_mini=PRICE))
    a, b = sorted(plan.targets, key=lambda target: target.id)
    assert plan.policy == RetryPolicy(7, 0.1, 9)
    assert (a.base_url, a.api_key, a.timeout, a.price) == ("https://api.openai.com/v1", "sk-1", 5, PRICE)
    assert (b.base_url, b.api_key) == ("http://10.0.0.5:8000/v1", None)
    assert b.price == from_config(c.Price(input=Decimal("0.1"), output=Decimal("0.4")))


def test_a_model_may_name_its_provider_itself():
    plan = make_plan(request("mine/llama"), build_routes(CONFIG, None), Prices(mine__llama=PRICE))
    assert [(t.provider, t.upstream_model) for t in plan.targets] == [("mine", "llama")]


def test_with_providers_the_simulator_is_never_asked():
    got = make_plan(request("gpt-9"), build_routes(CONFIG, "http://127.0.0.1:1/v1"), Prices(simulator__gpt_9=PRICE))
    assert isinstance(got, Failure)


def test_every_problem_of_a_config_is_said_at_once():
    config = c.Config.model_validate({"providers": {"who": {}, "else": {"api_key": "x"}}})
    got = build_routes(config, None)
    assert isinstance(got, Unroutable)
    assert [problem.partition(":")[0] for problem in got.problems] == ["providers.who", "providers.else"]
    assert isinstance(build_routes(c.Config(), None), Unroutable)


def test_a_model_that_only_requests_name_is_made_once_for_each_price_of_the_list():
    prices = Prices(simulator__gpt_9=PRICE)
    first, again = (make_plan(request("gpt-9"), SIMULATED, prices).targets[0] for _ in range(2))
    assert first is again
    prices.known["simulator__gpt_9"] = dearer = msgspec.structs.replace(PRICE, version="later")
    assert make_plan(request("gpt-9"), SIMULATED, prices).targets[0].price is dearer


@given(st.lists(st.sampled_from("abcdef"), max_size=40))
def test_no_more_models_are_remembered_than_so_many_and_none_is_taken_for_another(names):
    openings, template = Openings(most=3), target("", provider="p")
    for name in names:
        made = openings.target(template, name, PRICE)
        assert (made.id, made.upstream_model, made.price) == (f"p/{name}", name, PRICE)
        assert repr(openings) in {"<Openings 1>", "<Openings 2>", "<Openings 3>"}


def test_a_provider_has_the_prices_of_what_it_is_like():
    config = c.Config(
        providers={"mine": c.Provider(like="openai", api_key="x")},
        models=[c.Model(name="small", deployments=[c.Deployment(id="d", provider="mine", model="gpt-4o")])],
    )
    plan = make_plan(request(), build_routes(config, None), Prices(openai__gpt_4o=PRICE))
    assert [(each.provider, each.price) for each in plan.targets] == [("mine", PRICE)]
    assert make_plan(request("mine/gpt-4o"), build_routes(config, None), Prices(openai__gpt_4o=PRICE)).targets
