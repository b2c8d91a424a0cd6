"""Each strategy by its properties, nesting, overrides, tags, order, context windows and capabilities."""

import json
import math
from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.routing.estimate import TokenEstimate
from headgate.routing.models import ModelFacts
from headgate.routing.plan import make_plan
from headgate.routing.prices import Price, Rates, Tier
from headgate.routing.retry import longer_models
from headgate.routing.routes import build_routes
from headgate.routing.standing import Quiet
from headgate.routing.target import Plan
from headgate.routing.tree.chance import lots, uniform
from headgate.schemas.config import Config
from headgate.schemas.failures import Code, Failure, failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from support.gateways import PRICE, NoPrices

MANY = 4_000


class Standing(Quiet):
    """Knows what it is told."""

    def __init__(self, *, is_open=(), in_flight=(), seconds=(), left=(), expected=None):
        super().__init__()
        self.open = set(is_open)
        self.flights, self.seconds, self.shares = dict(in_flight), dict(seconds), dict(left)
        self.estimate = expected or TokenEstimate(100, 100, 100, 100)

    def is_open(self, deployment):
        return deployment in self.open

    def in_flight(self, deployment):
        return self.flights.get(deployment, 0)

    def seconds_per_token(self, deployment):
        return self.seconds.get(deployment)

    def left(self, deployment):
        return self.shares.get(deployment)

    def expected(self, *_):
        return self.estimate


class Prices:
    """One price for all, or those that it is given by model."""

    def __init__(self, **known):
        self.known = known

    def find(self, _, model):
        return self.known.get(model, PRICE)


def price(input_, output, cached=None, tiers=()):
    def rates(scale):
        return Rates(input_ * scale, (input_ if cached is None else cached) * scale, input_ * scale, output * scale, 0)

    return Price(rates(10**15), "test", "test", tuple(Tier(above, rates(scale * 10**15)) for above, scale in tiers))


def request(name="r1", *, metadata=None, endpoint=Endpoint.CHAT, key="k", **body):
    whole = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}).encode()
    return Request(name, endpoint, "m", whole, key, Lane.STANDARD, "t", 10**13, 0, metadata=metadata or {})


def deployment(name, **fields):
    return {"id": name, "provider": "p", "model": name, **fields}


def routes(route=None, deployments="abc", more=(), data=None, **parts):
    listed = [deployment(each) if isinstance(each, str) else each for each in deployments]
    models = [{"name": "m", "deployments": listed, "route": route or {}}, *more]
    config = Config.model_validate({"providers": {"p": {"base_url": "http://x/v1"}}, "models": models, **parts})
    return build_routes(config, None, data) if data else build_routes(config, None)


def plan(ours, asked=None, standing=None, prices=None):
    return make_plan(asked or request(), ours, prices or Prices(), standing or Standing())


def ids(*args, **kwargs):
    return [target.id for target in plan(*args, **kwargs).targets]


def firsts(ours, standing=None, prices=None, many=MANY, **asked):
    standing = standing or Standing()
    counted = Counter(ids(ours, request(f"r{nr}", **asked), standing, prices)[0] for nr in range(many))
    return {name: count / many for name, count in counted.items()}


# chance


@given(st.integers(0, 2**64 - 1), st.lists(st.tuples(st.integers(0, 2**64 - 1), st.sampled_from([0, 0.5, 1, 7.25]))))
def test_lots_are_exponential_in_what_is_drawn_evenly(seed, tickets):
    expected = [-math.log(uniform(seed, salt)) / weight if weight else math.inf for salt, weight in tickets]
    assert lots(seed, tickets) == expected


# every strategy, on any tree

STRATEGIES = ["fallback", "weighted", "round-robin", "least-busy", "lowest-latency", "lowest-cost", "usage-based"]
NAMES = "abcdefgh"


def leaf(name):
    return st.fixed_dictionaries({"deployment": st.just(name)}, optional={"order": st.integers(0, 2)})


def branch(targets):
    plain = st.fixed_dictionaries({"strategy": st.sampled_from(STRATEGIES), "targets": st.just(targets)})
    stuck = st.just({"strategy": "sticky", "sticky_on": ["key", "metadata.x"], "targets": targets})
    chosen = st.just(
        {
            "strategy": "conditional",
            "targets": [{**target, "name": f"t{nr}"} for nr, target in enumerate(targets)],
            "conditions": [{"when": {"metadata.x": "1"}, "then": "t0"}],
            "default": f"t{len(targets) - 1}",
        }
    )
    shares = [{**target, "share": 0.5 / len(targets)} if nr else target for nr, target in enumerate(targets)]
    divided = st.just({"strategy": "canary", "targets": shares})
    return st.one_of(plain, stuck, chosen, *([divided] if len(targets) > 1 else []))


TREES = st.recursive(
    st.sampled_from(NAMES).flatmap(leaf),
    lambda below: st.lists(below, min_size=1, max_size=4).flatmap(branch),
    max_leaves=8,
).filter(lambda node: "targets" in node)


@given(TREES, st.sets(st.sampled_from(NAMES)), st.text(max_size=5), st.sampled_from(["", "1"]))
@settings(max_examples=300, deadline=None)
def test_on_any_tree_every_plan_ends_and_is_repeatable_and_what_is_out_goes_last(tree, out, name, value):
    ours, asked = routes(tree, NAMES), request(name, metadata={"x": value})
    got = ids(ours, asked, Standing(is_open=out))
    assert got == ids(ours, asked, Standing(is_open=out))
    assert len(got) == len(set(got)) > 0
    assert [each in out for each in got] == sorted(each in out for each in got)


@given(st.sampled_from([*STRATEGIES, "sticky"]), st.sets(st.sampled_from(NAMES)), st.text())
def test_no_strategy_leaves_a_deployment_out(strategy, out, name):
    stuck = {"sticky_on": ["key"]} if strategy == "sticky" else {}
    ours = routes({"strategy": strategy, **stuck}, NAMES)
    assert sorted(ids(ours, request(name), Standing(is_open=out))) == sorted(NAMES)


# weighted


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
@settings(max_examples=15, deadline=None)
def test_weights_are_shares_of_first_places_within_statistical_bounds(weights):
    ours = routes(deployments=[deployment(NAMES[nr], weight=weight) for nr, weight in enumerate(weights)])
    got = firsts(ours)
    for nr, weight in enumerate(weights):
        share = weight / sum(weights)
        assert got.get(NAMES[nr], 0) == pytest.approx(share, abs=5 * (share * (1 - share) / MANY) ** 0.5)


def test_second_choices_follow_the_weights_too():
    ours = routes(deployments=[deployment("a", weight=8), deployment("b", weight=3), deployment("c", weight=1)])
    seconds = Counter(got[1] for got in (ids(ours, request(f"r{nr}")) for nr in range(MANY)) if got[0] == "a")
    assert seconds["b"] / seconds.total() == pytest.approx(0.75, abs=0.04)


def test_chances_of_nested_branches_are_independent():
    pair = {"targets": [{"deployment": "a"}, {"deployment": "b"}]}
    ours = routes({"targets": [{**pair, "name": "x"}, {"deployment": "c"}]})
    got = firsts(ours)
    assert [got[name] for name in "abc"] == pytest.approx([0.25, 0.25, 0.5], abs=0.04)


def test_without_one_of_them_the_others_keep_their_order():
    whole, fewer = routes(deployments="abcd"), routes(deployments="abd")
    for nr in range(100):
        got = ids(whole, request(f"r{nr}"))
        assert ids(fewer, request(f"r{nr}")) == [name for name in got if name != "c"]


# the other strategies


def test_fallback_goes_in_the_order_of_the_config():
    assert ids(routes({"strategy": "fallback"})) == ["a", "b", "c"]


def test_single_has_no_second_choice():
    assert ids(routes({"strategy": "single"}, "a")) == ["a"]


@pytest.mark.parametrize("out", [(), ("b",), ("a", "c")])
def test_turns_are_taken_evenly_among_those_that_are_not_out(out):
    standing, well = Standing(is_open=out), [name for name in "abc" if name not in out]
    got = firsts(routes({"strategy": "round-robin"}), standing, many=30)
    assert got == {name: pytest.approx(1 / len(well)) for name in well}


def test_turns_are_even_where_orders_differ():
    listed = [deployment("a"), deployment("b"), deployment("c", order=2)]
    assert firsts(routes({"strategy": "round-robin"}, listed), many=10) == {"a": 0.5, "b": 0.5}


def test_each_branch_has_turns_of_its_own():
    pair = {"strategy": "round-robin", "targets": [{"deployment": "a"}, {"deployment": "b"}]}
    ours = routes({"strategy": "round-robin", "targets": [{**pair, "name": "x"}, {"deployment": "c"}]})
    assert firsts(ours, many=40) == {"a": 0.25, "b": 0.25, "c": 0.5}


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9, None]), st.integers(1, 4)), min_size=1, max_size=8), st.text()
)
def test_where_the_measure_ties_weights_decide_by_the_same_lots_as_elsewhere(given_, name):
    listed = [deployment(each, weight=weight) for each, (_, weight) in zip(NAMES, given_, strict=False)]
    left = {each: share for each, (share, _) in zip(NAMES, given_, strict=False) if share is not None}
    by_lot = ids(routes({"strategy": "weighted"}, listed), request(name))
    expected = sorted(by_lot, key=lambda each: -left.get(each, 1.0))
    assert ids(routes({"strategy": "usage-based"}, listed), request(name), Standing(left=left)) == expected


def test_the_least_busy_for_its_weight_goes_first():
    listed = [deployment("a"), deployment("b", weight=4), deployment("c")]
    ours, flights = routes({"strategy": "least-busy"}, listed), {"a": 3, "b": 6, "c": 2}
    assert ids(ours, standing=Standing(in_flight=flights)) == ["b", "c", "a"]


def test_equally_busy_ones_share():
    assert firsts(routes({"strategy": "least-busy"}, "ab"))["a"] == pytest.approx(0.5, abs=0.04)


def test_the_fastest_per_token_goes_first_and_a_share_explores_the_others_evenly():
    standing = Standing(seconds={"a": 0.03, "b": 0.01, "c": 0.02})
    never = routes({"strategy": "lowest-latency", "explore": 0})
    assert all(ids(never, request(f"r{nr}"), standing) == ["b", "c", "a"] for nr in range(50))
    some = firsts(routes({"strategy": "lowest-latency", "explore": 0.2}), standing)
    assert [some[name] for name in "abc"] == pytest.approx([0.1, 0.8, 0.1], abs=0.03)
    usual = firsts(routes({"strategy": "lowest-latency"}), standing)
    assert usual["b"] == pytest.approx(0.95, abs=0.02)


def test_what_nobody_has_measured_shares_with_the_fastest():
    ours = routes({"strategy": "lowest-latency", "explore": 0})
    got = firsts(ours, Standing(seconds={"a": 0.03, "b": 0.01}))
    assert got == {"b": pytest.approx(0.5, abs=0.04), "c": pytest.approx(0.5, abs=0.04)}


def test_alone_a_deployment_explores_itself():
    assert ids(routes({"strategy": "lowest-latency", "explore": 1}, "a")) == ["a"]


COST = {"strategy": "lowest-cost"}


@pytest.mark.parametrize(
    ("expected", "first"),
    [
        (TokenEstimate(1000, 10, 1, 1), "in"),
        (TokenEstimate(10, 1000, 1, 1), "out"),
        (TokenEstimate(1000, 10, 1, 1, cached=1000), "kept"),
        (TokenEstimate(90_000, 1, 1, 1), "flat"),
    ],
)
def test_the_cheapest_for_this_request_goes_first(expected, first):
    prices = {
        "in": price(1, 30, tiers=((50_000, 9),)),
        "out": price(4, 2),
        "kept": price(5, 20, cached=0),
        "flat": price(2, 40),
    }
    assert ids(routes(COST, prices), standing=Standing(expected=expected), prices=Prices(**prices))[0] == first


@pytest.mark.parametrize(("tier", "first"), [(None, "b"), ("default", "b"), ("flex", "a"), ("priority", "b")])
def test_the_service_tier_that_is_asked_for_counts(tier, first):
    dear = msgspec.structs.replace(price(3, 3), services=(("flex", price(1, 1)), ("priority", price(9, 9))))
    asked = msgspec.structs.replace(request(), service_tier=tier)
    assert ids(routes(COST, "ab"), asked, prices=Prices(a=dear, b=price(2, 2)))[0] == first


def test_a_price_that_nobody_knows_is_never_the_cheapest():
    ours = routes(COST, "ab", unpriced="allow")
    assert ids(ours, prices=Prices(a=None, b=price(10**6, 10**6))) == ["b", "a"]


def test_who_has_most_of_its_limits_left_goes_first():
    assert ids(routes({"strategy": "usage-based"}), standing=Standing(left={"a": 0.2, "b": 0.9})) == ["c", "b", "a"]


class Hearing(Standing):
    """Hears what is planned."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def planned(self, request, target):
        self.heard.append((request.id, target.id))


@pytest.mark.parametrize("nested", [False, True])
def test_who_goes_by_what_is_left_hears_where_each_plan_goes_first(nested):
    by_usage = {"strategy": "usage-based", "targets": [{"deployment": "a"}, {"deployment": "b"}]}
    route = {"strategy": "fallback", "targets": [by_usage, {"deployment": "c"}]} if nested else by_usage
    standing = Hearing()
    first = ids(routes(route), request("r7"), standing)[0]
    assert standing.heard == [("r7", first)]


def test_who_does_not_go_by_what_is_left_need_not_hear_it():
    standing = Hearing()
    ids(routes({"strategy": "least-busy"}), standing=standing)
    assert standing.heard == []


def test_requests_with_the_same_values_stick_whatever_their_ids():
    ours = routes({"strategy": "sticky", "sticky_on": ["metadata.user", "key"]}, NAMES)
    for user in map(str, range(30)):
        assert len({tuple(ids(ours, request(f"r{nr}", metadata={"user": user}))) for nr in range(5)}) == 1
    users = Counter(ids(ours, request(metadata={"user": str(nr)}))[0] for nr in range(MANY))
    assert max(abs(count / MANY - 1 / 8) for count in users.values()) < 0.03


def test_who_leaves_moves_only_those_that_stuck_to_it():
    stuck = {"strategy": "sticky", "sticky_on": ["metadata.user"]}
    whole, fewer = routes(stuck, "abcd"), routes(stuck, "abd")
    for nr in range(100):
        asked = request(metadata={"user": str(nr)})
        assert ids(fewer, asked) == [name for name in ids(whole, asked) if name != "c"]


def test_requests_without_the_values_go_by_chance():
    got = firsts(routes({"strategy": "sticky", "sticky_on": ["metadata.user"]}, "ab"))
    assert got["a"] == pytest.approx(0.5, abs=0.04)


def test_a_canary_gets_its_share_and_the_first_without_one_the_rest():
    targets = [{"deployment": "a", "share": 0.1}, {"deployment": "b"}, {"deployment": "c", "share": 0.3}]
    ours = routes({"strategy": "canary", "targets": targets})
    got = firsts(ours)
    assert [got[name] for name in "abc"] == pytest.approx([0.1, 0.6, 0.3], abs=0.04)
    assert {tuple(ids(ours, request(f"r{nr}"))) for nr in range(300)} == {tuple("abc"), tuple("bac"), tuple("cba")}


CHOICE = {
    "strategy": "conditional",
    "targets": [
        {"deployment": "a", "name": "gold"},
        {"name": "pair", "strategy": "fallback", "targets": [{"deployment": "b"}, {"deployment": "c"}]},
    ],
    "conditions": [
        {"when": {"metadata.tier": "gold"}, "then": "gold"},
        {"when": {"workspace": "research", "metadata.tier": {"$exists": True}}, "then": "pair"},
    ],
}


def test_the_first_condition_that_holds_decides_and_nothing_else_is_asked():
    ours = routes(CHOICE, workspaces=[{"id": "research"}], keys=[{"id": "k", "workspace": "research"}])
    assert ids(ours, request(metadata={"tier": "gold"})) == ["a"]
    assert ids(ours, request(metadata={"tier": "silver"})) == ["b", "c"]
    assert plan(ours, request()).code is Code.NO_DEPLOYMENT
    assert plan(ours, request(metadata={"tier": "silver"}, key="other")).code is Code.NO_DEPLOYMENT


def test_the_default_is_for_all_others():
    assert ids(routes({**CHOICE, "default": "pair"})) == ["b", "c"]


# what holds on all branches


def test_a_higher_order_is_only_used_when_all_of_the_lower_are_out():
    ours = routes(deployments=[deployment("a", order=2), deployment("b"), deployment("c")])
    assert set(firsts(ours, many=50)) == {"b", "c"}
    assert set(firsts(ours, Standing(is_open="b"), many=50)) == {"c"}
    assert set(firsts(ours, Standing(is_open="bc"), many=50)) == {"a"}


def test_a_node_s_own_weight_and_order_win_over_its_deployment_s():
    listed = [deployment("a", order=2), deployment("b", weight=0), deployment("c", order=3)]
    targets = [{"deployment": "a", "order": 1}, {"deployment": "b", "weight": 1}, {"deployment": "c"}]
    assert firsts(routes({"targets": targets}, listed))["b"] == pytest.approx(0.5, abs=0.04)


def test_a_target_whose_condition_does_not_hold_is_passed_over():
    targets = [{"deployment": "a", "when": {"lane": "bulk"}}, {"deployment": "b"}]
    ours = routes({"strategy": "fallback", "targets": targets})
    assert ids(ours) == ["b"]
    assert [target.id for target in plan(ours, replace_lane(request(), Lane.BULK)).targets] == ["a", "b"]


def replace_lane(asked, lane):
    return Request(**{name: getattr(asked, name) for name in asked.__struct_fields__} | {"lane": lane})


def test_the_outermost_override_wins():
    targets = [
        {"deployment": "a", "params": {"p": "leaf", "q": "leaf", "r": "leaf"}},
        {"params": {"p": "branch"}, "targets": [{"deployment": "b", "params": {"p": "inner", "r": None}}]},
        {"model": "n", "params": {"q": "reference"}},
    ]
    listed = [deployment(name, params={"p": "own", "s": "own"}) for name in "ab"]
    other = {
        "name": "n",
        "deployments": [deployment("z", params={"q": "own", "t": "own"})],
        "route": {"params": {"q": "route", "t": "route"}},
    }
    ours = routes({"strategy": "fallback", "params": {"r": "root"}, "targets": targets}, listed, [other])
    got = {target.id: {name: json.loads(value) for name, value in target.params} for target in plan(ours).targets}
    assert got == {
        "a": {"p": "leaf", "q": "leaf", "r": "root", "s": "own"},
        "b": {"p": "branch", "r": "root", "s": "own"},
        "z": {"q": "reference", "r": "root", "t": "route"},
    }


def test_a_deployment_that_is_reached_twice_is_asked_once_unless_something_else_is_overridden():
    again = [{"deployment": "a"}, {"deployment": "b"}, {"deployment": "a"}]
    assert ids(routes({"strategy": "fallback", "targets": again})) == ["a", "b"]
    again[2] = {"deployment": "a", "params": {"temperature": 0}}
    assert ids(routes({"strategy": "fallback", "targets": again})) == ["a", "b", "a"]


def test_a_model_among_the_targets_goes_by_its_own_route():
    other = {
        "name": "n",
        "deployments": [deployment("x"), deployment("y")],
        "route": {"strategy": "fallback"},
    }
    ours = routes({"strategy": "fallback", "targets": [{"model": "n"}, {"deployment": "a"}]}, "a", [other])
    assert ids(ours) == ["x", "y", "a"]
    assert ids(ours, standing=Standing(is_open="x")) == ["y", "a", "x"]


# tags

TAGGED = [deployment("a", tags=["eu", "fast"]), deployment("b", tags=["eu"]), deployment("c", tags=["us"])]


@pytest.mark.parametrize(
    ("tags", "match", "fits"),
    [
        ("eu", "any", "ab"),
        ("eu, fast", "any", "ab"),
        ("fast,us", "any", "ac"),
        ("eu,fast", "all", "a"),
        ("!fast", "any", "bc"),
        ("eu,!fast", "any", "b"),
        ("!eu,!us", "any", ""),
        ("asia", "any", ""),
        ("", "any", "abc"),
        (",", "all", "abc"),
    ],
)
def test_a_request_goes_where_the_tags_are_that_it_asks_for(tags, match, fits):
    got = plan(routes(deployments=TAGGED), request(metadata={"tags": tags, "tags_match": match}))
    if fits:
        assert sorted(target.id for target in got.targets) == list(fits)
    else:
        assert (got.code, got.given) == (Code.NO_DEPLOYMENT, tags)


def test_requests_without_tags_go_to_the_default_else_to_those_without_else_to_all():
    untagged, default = deployment("d"), deployment("e", tags=["default", "eu"])
    assert sorted(ids(routes(deployments=TAGGED))) == ["a", "b", "c"]
    assert ids(routes(deployments=[*TAGGED, untagged])) == ["d"]
    assert ids(routes(deployments=[*TAGGED, untagged, default])) == ["e"]


def test_where_no_deployment_has_tags_they_are_the_producer_s_own_affair():
    assert sorted(ids(routes(), request(metadata={"tags": "nightly"}))) == ["a", "b", "c"]


# what models can do and read

WORDS = {"messages": [{"role": "user", "content": "word " * 2_000}]}


def test_a_request_that_is_surely_longer_than_a_context_window_does_not_go_there():
    listed = [deployment("a", context_window=1_000), deployment("b", context_window=100_000), deployment("c")]
    ours = routes(deployments=listed)
    assert sorted(ids(ours, request(**WORDS))) == ["b", "c"]
    assert sorted(ids(ours, request())) == ["a", "b", "c"]


@given(st.text(max_size=200), st.integers(1, 50))
def test_no_text_is_taken_for_longer_than_its_words(text, window):
    ours = routes(deployments=[deployment("a", context_window=window)])
    got = plan(ours, request(messages=[{"role": "user", "content": text}]))
    assert isinstance(got, Failure) is (len(text.split()) > window)


def test_where_it_fits_nowhere_the_failure_says_so_and_the_fallbacks_are_known():
    route = {"context_window_fallbacks": ["n"]}
    long = {"name": "n", "deployments": [deployment("z")]}
    ours = routes(route, [deployment("a", context_window=1_000)], [long])
    got = plan(ours, request(**WORDS))
    assert (got.code, got.given) == (Code.CONTEXT_LENGTH, "at least 2000 tokens")
    assert longer_models(got, ours.nobody("m").fallbacks) == ("n",)
    assert longer_models(got, ours.nobody("nobody").fallbacks) == ()
    assert longer_models(failure(Code.UNPRICED), ours.nobody("m").fallbacks) == ()


def test_input_that_may_be_cut_is_never_too_long():
    ours = routes(deployments=[deployment("a", context_window=10)])
    assert ids(ours, request(truncation="auto", **WORDS)) == ["a"]


def test_inputs_of_an_embedding_are_separate():
    ours = routes(deployments=[deployment("a", context_window=10)])
    asked = request(endpoint=Endpoint.EMBEDDINGS, input=["two words"] * 100)
    assert ids(ours, asked) == ["a"]
    assert isinstance(plan(ours, request(endpoint=Endpoint.EMBEDDINGS, input=["w " * 200])), Failure)


TOOL = {"type": "function", "function": {"name": "f"}}
IMAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}


@pytest.mark.parametrize(
    ("body", "endpoint", "needed"),
    [
        ({"tools": [TOOL]}, Endpoint.CHAT, "tools"),
        ({"functions": [{"name": "f"}]}, Endpoint.CHAT, "tools"),
        ({"messages": [IMAGE]}, Endpoint.CHAT, "vision"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, Endpoint.CHAT, "json_schema"),
        ({"text": {"format": {"type": "json_schema"}}, "input": "x"}, Endpoint.RESPONSES, "json_schema"),
        ({"reasoning_effort": "low"}, Endpoint.CHAT, "reasoning"),
        ({"reasoning": {"effort": "low"}, "input": "x"}, Endpoint.RESPONSES, "reasoning"),
    ],
)
def test_a_request_goes_where_it_can_be_honoured(body, endpoint, needed):
    able, others = [needed], sorted({"tools", "vision", "json_schema", "reasoning"} - {needed})
    listed = [deployment("a", capabilities=able), deployment("b", capabilities=others), deployment("c")]
    assert sorted(ids(routes(deployments=listed), request(endpoint=endpoint, **body))) == ["a", "c"]
    got = plan(routes(deployments=listed[1:2]), request(endpoint=endpoint, **body))
    assert (got.code, got.given) == (Code.UNSUPPORTED_PARAMETER, needed)


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [], "reasoning_effort": None, "response_format": {"type": "json_object"}},
        {"reasoning_effort": "none", "messages": [{"role": "user", "content": "an image of json_schema tools"}]},
        {"tools": 1, "response_format": 2},
    ],
)
def test_what_is_not_asked_for_is_not_needed(body):
    assert ids(routes(deployments=[deployment("a", capabilities=[])]), request(**body)) == ["a"]


class Data:
    def facts(self, _, model):
        return {"a": ModelFacts(10, lacks=frozenset({"tools"}))}.get(model, ModelFacts())


def test_what_the_config_says_of_a_model_is_believed_before_the_data():
    listed = [deployment("a"), deployment("b")]
    assert ids(routes(deployments=listed, data=Data()), request(tools=[TOOL])) == ["b"]
    assert ids(routes(deployments=listed, data=Data()), request(**WORDS)) == ["b"]
    listed[0] |= {"context_window": 10_000, "capabilities": ["tools"]}
    assert sorted(ids(routes(deployments=listed, data=Data()), request(tools=[TOOL], **WORDS))) == ["a", "b"]


# what a plan has beside its targets


def test_a_plan_says_what_to_do_when_its_targets_fail():
    route = {
        "fallbacks": ["n"],
        "content_policy_fallbacks": ["o"],
        "status_fallbacks": {"429": ["o", "n"]},
        "max_fallbacks": 2,
        "hedge": {"after": 2},
        "retries": 1,
    }
    got = plan(routes(route, more=[{"name": name, "deployments": [deployment(name)]} for name in "no"]))
    assert (got.fallbacks.general, got.fallbacks.content_policy) == (("n",), ("o",))
    assert (got.fallbacks.by_status, got.fallbacks.most) == ((("429", ("o", "n")),), 2)
    assert (got.hedge.after, got.shadow, got.policy.retries) == (2, None, 1)


def test_a_share_of_requests_is_copied_always_the_same():
    ours = routes({"shadow": {"model": "n", "share": 0.25}}, more=[{"name": "n", "deployments": [deployment("z")]}])
    copied = [nr for nr in range(MANY) if plan(ours, request(f"r{nr}")).shadow is not None]
    assert len(copied) / MANY == pytest.approx(0.25, abs=0.03)
    assert plan(ours, request(f"r{copied[0]}")).shadow.model == "n"


def test_a_price_counts_for_the_endpoints_that_it_is_for_whichever_was_asked_before():
    images = Price(Rates(1, 1, 1, 1, 1), "test", "test", not_for=frozenset({Endpoint.EMBEDDINGS}))
    ours, prices = routes(deployments="a"), Prices(a=images)
    for _ in range(2):
        assert plan(ours, request(), prices=prices).targets[0].price is images
        failed = plan(ours, request(endpoint=Endpoint.EMBEDDINGS), prices=prices)
        assert isinstance(failed, Failure)
        assert failed.code is Code.UNPRICED


def test_the_price_of_a_plan_is_today_s():
    prices, ours = Prices(a=price(1, 1)), routes(deployments="a")
    first = plan(ours, prices=prices).targets[0]
    prices.known["a"] = price(2, 2)
    assert plan(ours, prices=prices).targets[0].price == price(2, 2)
    assert first == replace(plan(ours, prices=Prices(a=price(1, 1))).targets[0])
    assert isinstance(make_plan(request(), ours, NoPrices(), Standing()), Failure)
    assert isinstance(plan(ours, prices=prices), Plan)
