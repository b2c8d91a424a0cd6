"""Routes in the config: what is right is taken, and every fault is told at its place."""

import pytest
from pydantic import ValidationError

from headgate.schemas.config import Config


def config(*models):
    return {"providers": {"p": {}}, "models": list(models)}


def deployment(name, **fields):
    return {"id": name, "provider": "p", "model": "x", **fields}


def model(name="m", route=None, deployments=("a", "b")):
    return {
        "name": name,
        "deployments": [deployment(f"{name}-{each}") for each in deployments],
        "route": route or {},
    }


def faults(*models):
    with pytest.raises(ValidationError) as raised:
        Config.model_validate(config(*models))
    return {".".join(map(str, each["loc"])): each["msg"] for each in raised.value.errors()}


def test_the_whole_shape_is_taken():
    route = {
        "strategy": "conditional",
        "conditions": [{"when": {"metadata.tier": "gold", "input_tokens": {"$gt": 10}}, "then": "best"}],
        "default": "m-a",
        "params": {"temperature": 0, "seed": None},
        "targets": [
            {"name": "best", "strategy": "canary", "targets": [{"deployment": "m-b"}, {"model": "n", "share": 0.1}]},
            {"deployment": "m-a", "weight": 2, "order": 3, "when": {"lane": {"$ne": "bulk"}}},
        ],
        "fallbacks": ["n"],
        "status_fallbacks": {"429": ["n"], "5xx": ["n"]},
        "hedge": {"after": "2s"},
        "shadow": {"model": "n", "share": 0.1},
        "breaker": {"cooldown": "1m"},
    }
    extra = deployment("extra", tags=["eu"], order=2, context_window=10, capabilities=["tools"], params={"top_p": 1})
    taken = Config.model_validate(config(model(route=route), {"name": "n", "deployments": [extra]})).models[0].route
    assert taken.targets[0].targets[1].share == 0.1
    assert taken.params == {"temperature": 0, "seed": None}
    assert taken.status_fallbacks == {"429": ["n"], "5xx": ["n"]}


def test_a_model_without_deployments_may_lead_to_others():
    Config.model_validate(config(model(), model("alias", {"targets": [{"model": "m"}]}, deployments=())))


@pytest.mark.parametrize(
    ("route", "place"),
    [
        ({"targets": [{"deployment": "nobody"}]}, "targets.0.deployment"),
        ({"targets": [{"model": "nobody"}]}, "targets.0.model"),
        ({"targets": [{"model": "m"}]}, "targets.0.model"),
        ({"targets": [{"targets": [{"model": "m"}]}]}, "targets.0.targets.0.model"),
        ({"targets": [{"deployment": "m-a", "model": "n"}]}, "targets.0"),
        ({"targets": [{}]}, "targets.0"),
        ({"targets": [{"deployment": "m-a", "strategy": "single"}]}, "targets.0.strategy"),
        ({"targets": [{"deployment": "m-a", "share": 0.1}]}, "targets.0.share"),
        ({"targets": [{"deployment": "m-a", "weight": 0}]}, "targets"),
        ({"targets": [{"deployment": "m-a", "when": {}}]}, "targets.0.when"),
        ({"targets": [{"deployment": "m-a", "when": {"nothing": 1}}]}, "targets.0.when.nothing"),
        ({"strategy": "single"}, "strategy"),
        ({"strategy": "sticky"}, "sticky_on"),
        ({"strategy": "sticky", "sticky_on": ["metadata"]}, "sticky_on.0"),
        ({"sticky_on": ["key"]}, "sticky_on"),
        ({"explore": 0.1}, "explore"),
        ({"default": "m-a"}, "default"),
        ({"conditions": [{"when": {"key": "k"}, "then": "m-a"}]}, "conditions"),
        ({"strategy": "conditional"}, "conditions"),
        ({"strategy": "conditional", "conditions": [{"when": {"key": 1}, "then": "zz"}]}, "conditions.0.then"),
        (
            {"strategy": "conditional", "conditions": [{"when": {"key": 1}, "then": "m-a"}], "default": "zz"},
            "default",
        ),
        ({"strategy": "canary"}, "targets"),
        ({"strategy": "canary", "targets": [{"deployment": "m-a", "share": 0.1}]}, "targets"),
        (
            {"strategy": "canary", "targets": [{"deployment": "m-a"}, *[{"deployment": "m-b", "share": 0.6}] * 2]},
            "targets",
        ),
        ({"params": {"messages": []}}, "params"),
        ({"fallbacks": ["n", "nobody"]}, "fallbacks.1"),
        ({"fallbacks": ["m"]}, "fallbacks.0"),
        ({"context_window_fallbacks": ["nobody"]}, "context_window_fallbacks.0"),
        ({"content_policy_fallbacks": ["nobody"]}, "content_policy_fallbacks.0"),
        ({"status_fallbacks": {"5xx": ["nobody"]}}, "status_fallbacks.5xx.0"),
        ({"shadow": {"model": "nobody"}}, "shadow.model"),
    ],
)
def test_a_fault_is_told_at_its_place(route, place):
    assert list(faults(model(route=route), model("n"))) == [f"models.0.route.{place}"]


@pytest.mark.parametrize("status", ["600", "4x", "xxx", "42", "4xxx"])
def test_a_status_is_three_digits_or_a_class(status):
    assert faults(model(route={"status_fallbacks": {status: ["n"]}}), model("n"))


def test_a_circle_of_models_is_told_at_each_of_its_steps():
    circle = [model(name, {"targets": [{"model": to}]}) for name, to in (("m", "n"), ("n", "o"), ("o", "m"))]
    outside = model("p", {"targets": [{"model": "m"}]})
    assert list(faults(*circle, outside)) == [f"models.{nr}.route.targets.0.model" for nr in range(3)]


def test_all_faults_of_a_file_are_told_at_once():
    wrong = faults(model(route={"strategy": "single", "fallbacks": ["x"]}), model("n", deployments=()))
    assert set(wrong) == {"models.1", "models.0.route.fallbacks.0", "models.0.route.strategy"}


@pytest.mark.parametrize("tag", ["", "!eu", "a,b", "a b"])
def test_a_tag_can_be_asked_for(tag):
    assert faults({"name": "m", "deployments": [deployment("a", tags=[tag])]})


def test_names_are_needed_once_where_a_choice_names_them():
    route = {
        "strategy": "conditional",
        "conditions": [{"when": {"key": "k"}, "then": "m-a"}],
        "targets": [{"deployment": "m-a"}, {"deployment": "m-a"}],
    }
    assert list(faults(model(route=route))) == ["models.0.route.targets.1"]
    plain = {"targets": [{"deployment": "m-a"}, {"deployment": "m-a"}]}
    Config.model_validate(config(model(route=plain)))


def test_a_null_in_params_is_kept():
    taken = Config.model_validate(config({"name": "m", "deployments": [deployment("a", params={"seed": None})]}))
    assert taken.models[0].deployments[0].params == {"seed": None}
