"""Portkey configs with nested strategies, imported, loaded and planned: their trees lead where Portkey's led."""

import json
from collections import Counter

import pytest

from headgate.routing.adoption.portkey import Unnamed, adopted
from headgate.routing.outcome import Setback
from headgate.routing.retry import FallBack, GiveUp, Situation, decide
from headgate.schemas.failures import Code, failure
from support.adoption import SAMPLES, AllPriced, built, lines, loaded, order, planned, request, sample
from support.providers import ROWS

FILES = ("portkey-tiers.json", "portkey-statuses.json", "portkey-aliases.json")
SLUGS = {"main-258f4d": "openai"}


def imported(name, *models):
    return adopted(sample(name), ROWS, models, SLUGS, AllPriced())


@pytest.fixture(scope="module")
def tiers():
    return built(loaded(imported("portkey-tiers.json")))


@pytest.fixture(scope="module")
def statuses():
    return built(loaded(imported("portkey-statuses.json", "gpt-4o")))


@pytest.fixture(scope="module")
def aliases():
    return built(loaded(imported("portkey-aliases.json")))


def tree(strategy, *targets, **more):
    return adopted({"strategy": strategy, "targets": list(targets), **more}, ROWS)


def leaf(model="gpt-4o", **more):
    return {"provider": "openai", "override_params": {"model": model}, **more}


def said(adopted_, name):
    return [line for line in lines(adopted_) if line.startswith(name)]


def test_conditions_choose_the_branch(tiers):
    assert order(tiers, request("default", metadata={"plan": "enterprise"})) == [
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-20250514",
    ]
    europe = {"azure-openai-frankfurt/gpt-4o-eu", "mistral/mistral-large-latest"}
    assert set(order(tiers, request("default", metadata={"region": "fr"}, max_tokens=1000))) == europe
    everybody = order(tiers, request("default", metadata={"region": "fr"}, max_tokens=1001))
    assert set(everybody[:2]) == {"openai-main/gpt-4o-mini", "openai-spare/gpt-4o-mini"}
    assert everybody[2:] == ["groq-team/llama-3.3-70b-versatile"]
    assert order(tiers, request("default", metadata={"user": "test-7"})) == ["lab/qwen3"]


def test_weights_are_the_shares_of_requests(tiers):
    def first(nr):
        return order(tiers, request("default", f"r{nr}"))[0]

    firsts = Counter(first(nr) for nr in range(2000))
    assert firsts["openai-main/gpt-4o-mini"] / 2000 == pytest.approx(0.75, abs=0.04)
    metadata = {"region": "de"}
    firsts = Counter(order(tiers, request("default", f"r{nr}", metadata, max_tokens=9))[0] for nr in range(2000))
    assert firsts["azure-openai-frankfurt/gpt-4o-eu"] / 2000 == pytest.approx(0.8, abs=0.04)


def test_parameters_come_from_above_and_ones_own_are_stronger(tiers):
    first, second = planned(tiers, request("default", metadata={"plan": "enterprise"})).targets
    config = loaded(imported("portkey-tiers.json"))
    params = {each.id: each.params for each in config.models[0].deployments}
    assert params[first.id] == {"temperature": 0, "top_p": 0.9}
    assert params[second.id] == {"temperature": 0.1, "top_p": 0.9}


def test_timeouts_come_from_above_and_ones_own_are_stronger(tiers):
    first, second = planned(tiers, request("default", metadata={"plan": "enterprise"})).targets
    assert (first.timeout, second.timeout) == (60, 90)


def test_there_are_retries_for_the_longest_way_through_the_tree(tiers, aliases):
    assert planned(tiers, request("default")).policy.retries == 3 + 3 - 1
    assert planned(aliases, request("smartest")).policy.retries == 1


def test_accounts_are_told_apart_and_like_what_they_are(tiers):
    targets = planned(tiers, request("default")).targets
    assert {each.provider for each in targets} == {"openai-main", "openai-spare", "groq-team"}
    assert [each.listed_as for each in targets] == ["openai", "openai", "groq"]


def setback(status, code=Code.RATE_LIMITED):
    return Setback(failure(code), None, None, status)


def situation(plan, made, *models):
    tried = tuple(target.id for target in plan.targets[:made])
    return Situation(plan, tried, made, models, 1000.0, 0.5, lambda _: 0.0, 10.0)


def test_statuses_at_the_top_lead_to_the_next_target(statuses):
    plan = planned(statuses, request("gpt-4o"))
    assert dict(plan.fallbacks.by_status)["429"] == ("gpt-4o-2", "gpt-4o-3")
    assert {each.listed_as for each in plan.targets} == {"openai"}
    assert decide(setback(503, Code.OVERLOADED), situation(plan, 2, "gpt-4o")) == FallBack("gpt-4o-2")
    assert decide(setback(401, Code.AUTHENTICATION), situation(plan, 2, "gpt-4o")) == GiveUp()
    assert order(statuses, request("gpt-4o-2")) == ["bedrock/anthropic.claude-3-haiku-20240307-v1:0"]
    assert order(statuses, request("gpt-4o-3")) == ["vertex-anthropic/claude-3-haiku@20240307"]


def test_sticky_sessions_stick(statuses):
    firsts = {order(statuses, request("gpt-4o", f"r{nr}", {"user_id": "u1"}))[0] for nr in range(50)}
    assert len(firsts) == 1
    firsts = {order(statuses, request("gpt-4o", f"r{nr}", {"user_id": f"u{nr}"}))[0] for nr in range(50)}
    assert len(firsts) == 2


def test_a_circuit_breaker_at_the_top_is_the_models():
    breaker = loaded(imported("portkey-statuses.json", "gpt-4o")).models[0].route.breaker
    assert (breaker.failure_ratio, breaker.minimum, breaker.cooldown) == (0.4, 10, 60)


def test_aliases_become_models(aliases):
    assert set(aliases.models) == {"fastest", "smartest"}
    assert order(aliases, request("fastest")) == ["groq/llama-3.1-8b-instant"]
    best = ["openai/o3", "deepseek/deepseek-reasoner"]
    assert order(aliases, request("smartest", metadata={"team": "r&d"})) == best
    assert order(aliases, request("smartest", metadata={"trial": "yes"})) == ["groq/llama-3.1-8b-instant"]


def test_targets_without_a_model_ask_for_what_the_request_asks_for():
    data = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, leaf("gpt-4o")]}
    found = adopted(data, ROWS, ("gpt-4.1", "gpt-4o-mini"))
    routes = built(loaded(found))
    assert order(routes, request("gpt-4.1")) == ["openai/gpt-4.1", "openai/gpt-4o"]
    assert order(routes, request("gpt-4o-mini")) == ["openai/gpt-4o-mini", "openai/gpt-4o"]
    assert adopted(data, ROWS) == Unnamed((("targets", 0),))


@pytest.mark.parametrize("name", FILES)
def test_no_secret_is_copied_anywhere(name):
    found = imported(name, *(["m"] if "statuses" in name else []))
    assert "in-plain" not in repr(found.document) + "".join(lines(found))


def test_a_slug_that_says_nothing_has_to_be_explained():
    assert loaded(tree({"mode": "fallback"}, {"virtual_key": "main-1", "override_params": {"model": "x"}})).models == []
    found = tree({"mode": "fallback"}, {"virtual_key": "main-1", "override_params": {"model": "x"}})
    assert said(found, "targets.*.virtual_key (0): No provider of the catalogue is known by main-1")
    assert "`--slug main-1=PROVIDER`" in said(found, "targets.*.virtual_key")[0]


def test_a_model_may_name_its_slug():
    found = adopted({"override_params": {"model": "@mistral-eu/mistral-small"}}, ROWS)
    (target,) = planned(built(loaded(found)), request("default")).targets
    assert (target.provider, target.like, target.upstream_model) == ("mistral-eu", "mistral", "mistral-small")


def test_names_may_be_in_camel_case():
    camel = {"strategy": {"mode": "fallback", "onStatusCodes": [429]}, "requestTimeout": 5000, "retry": {"attempts": 1}}
    snake = {
        "strategy": {"mode": "fallback", "on_status_codes": [429]},
        "request_timeout": 5000,
        "retry": {"attempts": 1},
    }
    assert adopted({**camel, "targets": [leaf()]}, ROWS) == adopted({**snake, "targets": [leaf()]}, ROWS)


@pytest.mark.parametrize("mode", ["sample", None, 3])
def test_a_mode_that_is_not_known_is_told(mode):
    found = tree({"mode": mode}, leaf("a"), leaf("b"))
    assert said(found, "strategy.mode")
    assert order(built(loaded(found)), request("default"))[0] == "openai/a"


def test_single_has_one_target_and_the_others_are_told():
    found = tree({"mode": "single"}, leaf("a"), leaf("b"))
    assert order(built(loaded(found)), request("default")) == ["openai/a"]
    assert said(found, "targets.* (1)")


def test_weights_of_nothing_count_as_one():
    found = tree({"mode": "loadbalance"}, leaf("a", weight=0), leaf("b", weight=0))
    assert loaded(found).models[0].route.targets[0].weight is None
    assert said(found, "targets: No weight")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"url.host": "x"}, "metadata, parameters and the endpoint"),
        ({"metadata.a": {"$regex": "("}}, "cannot hold"),
        ({"metadata.a": {"$near": 1}}, "cannot hold"),
        ({"metadata.a": {"$length": 3}}, "compares no lengths"),
        ({"$or": 3}, "no list of conditions"),
        ({"metadata.a": {"$gt": float("inf")}}, "a number that JSON does not have"),
        ({}, "cannot hold"),
    ],
)
def test_a_condition_without_a_counterpart_is_left_out_whole(query, why):
    conditions = [{"query": query, "then": "a"}, {"query": {"metadata.b": "c"}, "then": "a"}]
    found = tree(
        {"mode": "conditional", "conditions": conditions, "default": "b"}, leaf("a", name="a"), leaf("b", name="b")
    )
    routes = built(loaded(found))
    assert order(routes, request("default", metadata={"a": "1"})) == ["openai/b"]
    assert order(routes, request("default", metadata={"b": "c"})) == ["openai/a"]
    (line,) = said(found, "strategy.conditions.*.query")
    assert why in line


def test_the_endpoint_is_a_condition():
    conditions = [{"query": {"url.pathname": "/v1/chat/completions"}, "then": "a"}]
    found = tree({"mode": "conditional", "conditions": conditions}, leaf("a", name="a"))
    assert order(built(loaded(found)), request("default")) == ["openai/a"]


def test_a_dated_version_is_azures():
    data = {"provider": "azure-openai", "resource_name": "r", "deployment_id": "d", "api_key": "k"}
    (target,) = planned(built(loaded(adopted({**data, "api_version": "2024-06-01"}, ROWS))), request("default")).targets
    assert (target.base_url, dict(target.service.query)) == (
        "https://r.openai.azure.com",
        {"api-version": "2024-06-01"},
    )
    (target,) = planned(built(loaded(adopted(data, ROWS))), request("default")).targets
    assert (target.base_url, target.upstream_model) == ("https://r.openai.azure.com/openai/v1", "d")


def test_a_server_of_ones_own_speaks_openais_wire():
    data = {"provider": "triton", "custom_host": "http://gpu:9000/v1", "override_params": {"model": "x"}}
    found = adopted(data, ROWS)
    (target,) = planned(built(loaded(found)), request("default")).targets
    assert (target.base_url, target.wire) == ("http://gpu:9000/v1", "openai")
    assert said(found, "provider: The server of triton")


@pytest.mark.parametrize("data", [None, [], "text", 3, {}, {"targets": 3}, {"strategy": {}, "targets": [None, 3]}])
def test_what_is_no_config_makes_an_empty_one_and_is_told(data):
    found = adopted(data, ROWS, ("m",))
    assert loaded(found).models == []
    assert lines(found)


def test_the_samples_are_json():
    assert [json.loads((SAMPLES / name).read_text()) for name in FILES]
