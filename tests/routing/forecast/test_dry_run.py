"""A dry run goes where the gateway would go, and says why it goes nowhere."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.routing.admission.rulebook import Rulebook
from headgate.routing.admission.taking import Bookkeeping, charges
from headgate.routing.forecast.dry_run import DryRun, Ground, Pace
from headgate.routing.forecast.held import held_to
from headgate.routing.forecast.outlook import Outlook
from headgate.routing.forecast.reasons import Reasons
from headgate.routing.models import ModelFacts
from headgate.routing.plan import make_plan
from headgate.routing.providers.families import FAMILIES
from headgate.routing.routes import build_routes
from headgate.routing.service import ParameterRules, Service
from headgate.routing.standing import Quiet
from headgate.routing.target import Plan
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.routing.tree.node import leaves_of
from headgate.schemas.config import Config
from headgate.schemas.failures import Code, failure
from headgate.schemas.record import Record
from headgate.schemas.request import Endpoint, Rejected, Request
from headgate.schemas.topics import Lane
from headgate.workers.bus.port import Delivery
from headgate.workers.gateway.job import Job
from headgate.workers.gateway.tolls import Tolls
from headgate.workers.journal.claims import Begun, Claim, Run
from support.gateways import PRICE, NoPrices

NOW_MS = 1_800_000_000_000


class Prices:
    """One price for all but those that are named."""

    def __init__(self, *unknown):
        self.unknown = unknown

    def find(self, _, model):
        return None if model in self.unknown else PRICE


class Data:
    """Knows models by what they are called."""

    def facts(self, _, model):
        return ModelFacts(window=8 if "short" in model else None, lacks=frozenset({"tools"} if "dumb" in model else ()))


def a_config(route=None, deployments=("a", "b"), more=(), **parts):
    listed = [{"provider": "p", "model": it, "id": it} if isinstance(it, str) else it for it in deployments]
    models = [{"name": "m", "deployments": listed, "route": route or {}}, *more]
    return Config.model_validate({"providers": {"p": {"base_url": "http://x/v1"}}, "models": models, **parts})


class World:
    """A dry run of a config, and its outlook."""

    def __init__(self, config, prices=None, pace=None):
        self.routes = build_routes(config, None, Data())
        self.prices, self.estimates = prices or Prices(), TokenEstimator()
        ground = Ground.of(config, self.routes, pace or Pace())
        self.dry_run = DryRun(ground, self.estimates, self.prices, NOW_MS * 1000)
        self.reasons = Reasons(self.routes, self.prices, self.estimates.estimate)
        self.outlook = Outlook(NOW_MS * 1000)

    def __call__(self, asked):
        forecast = self.dry_run.forecast(asked)
        self.outlook.add(forecast)
        return forecast


def request(name="r1", model="m", *, metadata=None, key="k", max_cost=None, deadline_s=86_400, text="hi", **body):
    whole = json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **body}).encode()
    deadline_ms = NOW_MS + deadline_s * 1000
    return Request(
        name,
        Endpoint.CHAT,
        model,
        whole,
        key,
        Lane.STANDARD,
        "headgate.replies.x",
        deadline_ms,
        NOW_MS,
        max_output=body.get("max_tokens"),
        service_tier=body.get("service_tier"),
        metadata=metadata or {},
        max_cost_nano=max_cost,
    )


def code(config, asked, prices=None):
    forecast = World(config, prices)(asked)
    assert forecast.target is None
    return forecast.failure.code


# where it goes

ROUTES = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(
            ["fallback", "weighted", "round-robin", "least-busy", "lowest-latency", "lowest-cost"]
        )
    },
    optional={"params": st.just({"temperature": 0})},
)
DEPLOYMENTS = st.lists(
    st.fixed_dictionaries(
        {"provider": st.just("p"), "model": st.sampled_from(["good", "dumb", "short", "unpriced"])},
        optional={
            "weight": st.integers(1, 3),
            "order": st.integers(0, 2),
            "tags": st.lists(st.sampled_from(["eu", "fast"]), max_size=2, unique=True),
        },
    ),
    min_size=1,
    max_size=5,
).map(lambda each: [{"id": f"d{nr}", **it} for nr, it in enumerate(each)])
REQUESTS = st.lists(
    st.builds(
        lambda name, tools, tags, words: request(
            name,
            metadata={"tags": tags} if tags else None,
            text="word " * words,
            **({"tools": [{"type": "function", "function": {"name": "f"}}]} if tools else {}),
        ),
        st.text(min_size=1, max_size=4),
        st.booleans(),
        st.sampled_from(["", "eu", "!fast"]),
        st.sampled_from([1, 50]),
    ),
    max_size=4,
)


@given(ROUTES, DEPLOYMENTS, REQUESTS)
@settings(max_examples=150, deadline=None)
def test_a_request_takes_the_first_deployment_of_the_gateways_plan(route, deployments, asked):
    config = a_config(route, deployments)
    world, standing = World(config, Prices("unpriced")), Quiet(TokenEstimator().estimate)
    for one in asked:
        plan, forecast = make_plan(one, world.routes, world.prices, standing), world(one)
        if isinstance(plan, Plan):
            assert (forecast.target, forecast.failure) == (plan.targets[0], None)
            assert world.reasons.why(forecast)
        else:
            assert (forecast.target, forecast.failure) == (None, plan)
        everywhere = {leaf.target.id for leaf in leaves_of(world.routes.models["m"].tree.root)}
        planned = {target.id for target in plan.targets} if isinstance(plan, Plan) else set()
        assert {text.split(":")[0] for text in world.reasons.left_out(forecast)} == everywhere - planned


@given(ROUTES, DEPLOYMENTS, REQUESTS)
@settings(max_examples=60, deadline=None)
def test_the_rows_of_an_outlook_add_up_to_its_total_exactly(route, deployments, asked):
    world = World(a_config(route, deployments), Prices("unpriced"))
    forecasts = [world(one) for one in asked]
    loads, total = world.outlook.loads.values(), world.outlook.total
    for name in ("requests", "deferred", "refused", "input_tokens", "output_tokens", "cost", "worst_cost"):
        assert sum(getattr(load, name) for load in loads) == getattr(total, name)
    assert total.requests == len(forecasts)
    assert total.refused == sum(cases.count for cases in world.outlook.refused.values())
    assert total.cost == sum(forecast.cost_nano for forecast in forecasts) <= total.worst_cost
    assert total.ends_us == max((forecast.ends_us for forecast in forecasts), default=0)


def test_models_without_end_are_summed_up_as_others():
    world = World(a_config())
    for nr in range(1_002):
        world(request(model=f"no-such-{nr}"))
    assert len(world.outlook.loads) == 1_001
    assert world.outlook.loads["(others)", "", "", ""].refused == 2
    assert sum(load.requests for load in world.outlook.loads.values()) == world.outlook.total.requests


@pytest.mark.parametrize("n", [1, 3])
def test_what_an_attempt_takes_is_what_the_gateway_would_demand(n):
    """Also where several choices are made by as many calls."""
    limits = {"requests_per_minute": 60, "tokens_per_hour": 10**6, "parallel": 3}
    budgets = [{"usd": 5, "per": "day", "at_limit": "refuse"}, {"tokens": 10**7, "at_limit": {"fallback": "tiny"}}]
    rules = {"limits": limits, "budgets": budgets}
    deployment = {"id": "a", "provider": "p", "model": "a", **rules}
    tiny = {"name": "tiny", "deployments": [{"id": "t", "provider": "p", "model": "t"}]}
    config = a_config(
        deployments=[deployment], more=[tiny], keys=[{"id": "k", "workspace": "w", **rules}], workspaces=[{"id": "w"}]
    )
    asked, world, rulebook = request(n=n), World(config), Rulebook.of(config)
    key = world.dry_run._ground.keyring.admits(asked, NOW_MS)  # the rules of a key are made there only
    plan = make_plan(asked, world.routes, world.prices, Quiet())
    job = Job(Delivery(Record("t", b""), "p", 0, None), asked, key, plan, "p")
    tolls = Tolls(rulebook, Bookkeeping(), world.estimates, None, lambda *_: None)
    one_a_call = Service(rules=ParameterRules(unsupported=frozenset({"n"})), fan_out_over=1)
    target = replace(plan.targets[0], service=one_a_call)
    call = FAMILIES["openai"].encode(asked, target)
    ask = tolls.ask(job, Claim("r", "p", b"", Run("run", 0, ())), target, (Begun("a"),), call.twins)
    demand = ask.demand(NOW_MS * 1000, None, 0)
    held = held_to(rulebook, asked, key, target)
    use = world.dry_run._use(asked, target, world.estimates.estimate(asked, target))
    assert use.calls == demand.calls == n
    assert charges(held.rates, use.expected) == demand.charges != ()
    assert held.parallel == demand.parallel != ()
    assert Bookkeeping().holds(held.budgets, use.worst, NOW_MS * 1000) == demand.holds != ()
    assert held.policies == ask.at_limit != {}


# what it costs and takes


def test_a_cost_lies_between_what_is_expected_and_the_worst_case():
    forecast = World(a_config(deployments=["a"]))(request(max_tokens=100))
    estimate = forecast.estimate
    assert (estimate.output, estimate.worst_output) == (100, 100)
    assert forecast.cost_nano == 2 * estimate.input + 3 * 100
    assert forecast.worst_nano == 2 * estimate.worst_input + 3 * 100


def test_a_service_tier_is_expected_at_its_price_and_held_at_the_standard_one():
    price = {"price": {"input": 2, "output": 3}, "service_tiers": {"flex": {"factor": "0.5"}}}
    world = World(a_config(deployments=[{"id": "a", "provider": "p", "model": "a", **price}]))
    usual, flex = (world(request(max_tokens=100, service_tier=tier)) for tier in ("default", "flex"))
    assert flex.target.tier == "flex"
    assert flex.cost_nano * 2 == usual.cost_nano
    assert flex.worst_nano >= flex.estimate.worst_input * 2_000 + 100 * 3_000
    assert code(a_config(), request(service_tier="flex")) is Code.UNSUPPORTED_PARAMETER


def test_the_time_to_finish_is_that_of_the_tightest_limit():
    config = a_config(deployments=[{"id": "a", "provider": "p", "model": "a", "limits": {"parallel": 2}}])
    world = World(config, pace=Pace(1.0, 50.0))
    for nr in range(10):
        world(request(f"r{nr}", max_tokens=100))
    assert world.outlook.took_us == 5 * 3_000_000  # 1 s, and 100 tokens at 50 a second
    (waits,) = world.outlook.waits.items()
    assert waits[0] == "deployment:a:parallel"
    assert (waits[1].count, waits[1].longest_us) == (8, 12_000_000)
    assert world.outlook.total.deferred == 2  # those that wait 12 s; up to 10 s are spent in memory


def test_what_one_worker_has_no_room_for_waits_and_is_not_deferred():
    world = World(a_config(limits={"in_flight": 1}), pace=Pace(20.0, 1000.0))
    ends = [world(request(f"r{nr}", max_tokens=1)).ends_us for nr in range(3)]
    assert [round((later - sooner) / 1e6) for sooner, later in pairwise(ends)] == [20, 20]
    assert world.outlook.total.deferred == 0


# what is refused


def test_an_unknown_model_is_refused():
    assert code(a_config(), request(model="huge")) is Code.MODEL_NOT_FOUND


def test_an_unknown_price_is_refused():
    assert code(a_config(), request(), NoPrices()) is Code.UNPRICED


def test_a_model_that_the_key_may_not_use_is_refused():
    assert code(a_config(keys=[{"id": "k", "models": ["other"]}]), request()) is Code.FORBIDDEN


def test_a_key_that_does_not_exist_is_refused():
    assert code(a_config(keys=[{"id": "other"}]), request()) is Code.UNAUTHENTICATED


def test_an_input_longer_than_every_window_is_refused():
    assert code(a_config(deployments=["short"]), request(text="word " * 50)) is Code.CONTEXT_LENGTH


def test_a_worst_case_above_max_cost_is_refused():
    assert code(a_config(), request(max_cost=10)) is Code.MAX_COST_EXCEEDED


def test_a_deadline_that_has_passed_is_refused():
    assert code(a_config(), request(deadline_s=-1)) is Code.DEADLINE_EXCEEDED


def test_a_limit_that_is_too_small_is_refused():
    config = a_config(keys=[{"id": "k", "limits": {"tokens_per_minute": 10}}])
    assert code(config, request()) is Code.LIMIT_TOO_SMALL


def test_what_the_wire_has_no_words_for_is_refused_or_goes_to_who_has():
    providers = {"p": {"base_url": "http://x/v1"}, "anthropic": {"api_key": "x"}}
    claude = {"id": "c", "provider": "anthropic", "model": "claude-haiku-4-5"}
    assert code(a_config(deployments=[claude], providers=providers), request(n=2)) is Code.UNSUPPORTED_PARAMETER
    world = World(a_config({"strategy": "fallback"}, [claude, "a"], providers=providers))
    forecast = world(request(n=2))
    assert forecast.target.id == "a"
    (left_out,) = world.reasons.left_out(forecast)
    assert left_out.startswith("c: unsupported_parameter")


def test_a_line_that_is_wrong_is_refused_for_that():
    why = failure(Code.INVALID_REQUEST)
    assert World(a_config())(Rejected("r", "headgate.replies.x", why, "k", Lane.BULK, NOW_MS)).failure is why


def test_a_spent_budget_sends_on_to_its_fallback_and_the_reason_says_so():
    tiny = {"name": "tiny", "deployments": [{"id": "t", "provider": "p", "model": "t"}]}
    budget = {"requests": 2, "per": "total", "at_limit": {"fallback": "tiny"}}
    config = a_config(deployments=[{"id": "a", "provider": "p", "model": "a", "budgets": [budget]}], more=[tiny])
    world = World(config)
    forecasts = [world(request(f"r{nr}")) for nr in range(3)]
    assert [forecast.target.id for forecast in forecasts] == ["a", "a", "t"]
    assert forecasts[2].models == ("m", "tiny")
    assert world.reasons.why(forecasts[2]).startswith("sent on from m; ")


# why


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ({"strategy": "weighted"}, "weighted: drawn, weight 1 of 2"),
        ({"strategy": "fallback"}, "fallback: the first that it may go to"),
        ({"strategy": "sticky", "sticky_on": ["metadata.x"]}, "sticky: by metadata.x"),
        (
            {"strategy": "canary", "targets": [{"deployment": "a"}, {"deployment": "b", "share": 1}]},
            "canary: a share of 1",
        ),
        ({"strategy": "lowest-cost"}, "lowest-cost: a $0.000001544, b $0.000001544"),
    ],
)
def test_a_reason_says_what_the_strategy_looked_at(route, said):
    world = World(a_config(route))
    assert world.reasons.why(world(request())) == said


def test_a_reason_goes_from_the_outermost_branch_to_the_innermost():
    inner = {"strategy": "fallback", "targets": [{"deployment": "a"}, {"deployment": "b"}]}
    route = {
        "strategy": "conditional",
        "conditions": [{"when": {"metadata.tier": "gold"}, "then": "c"}],
        "default": "rest",
        "targets": [{"deployment": "c"}, {"name": "rest", **inner}],
    }
    world = World(a_config(route, "abc"))
    forecast = world(request())
    steps = "conditional: the first condition that holds, or the default; fallback: the first that it may go to"
    assert world.reasons.why(forecast) == steps
    assert world.reasons.left_out(forecast) == ["c: a condition leads elsewhere"]
    gold = world(request(metadata={"tier": "gold"}))
    assert world.reasons.left_out(gold) == ["a: a condition leads elsewhere", "b: a condition leads elsewhere"]


def test_who_is_left_out_is_named_with_the_reason():
    deployments = [
        {"id": "tagged", "provider": "p", "model": "x", "tags": ["eu"]},
        {"id": "dumb", "provider": "p", "model": "dumb"},
        {"id": "free", "provider": "p", "model": "unpriced"},
        {"id": "short", "provider": "p", "model": "short"},
        {"id": "good", "provider": "p", "model": "good"},
    ]
    world = World(a_config({}, deployments), Prices("unpriced"))
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert world.reasons.left_out(world(request(text="word " * 50, tools=tools))) == [
        "tagged: tags eu, asked for none",
        "dumb: cannot do tools",
        "free: its price is unknown",
        "short: a context window of 8 tokens, for at least 50",
    ]


def test_who_may_cost_more_than_max_cost_is_named():
    dear = {"id": "dear", "provider": "p", "model": "dear", "price": {"input": 1000, "output": 1000}}
    world = World(a_config({}, ["a", dear]))
    (said,) = world.reasons.left_out(world(request(max_cost=10**6, max_tokens=1)))
    assert said.startswith("dear: its worst case of $")
    assert said.endswith(" is above max_cost")
