"""Real models, to the last unit: the table's prices, its sums, and ours, each worked out on its own."""

import datetime as dt
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest

from headgate.routing.price_list import GenaiPrices
from headgate.routing.prices import cost_nano
from headgate.routing.service_tiers import bill, price_on
from headgate.schemas.reply import Tokens

_TABLE = tomllib.loads((Path(__file__).with_name("prices_of_real_models.toml")).read_text(encoding="utf-8"))
_MODELS = _TABLE["model"]
_COSTS = [(model, row) for model in _MODELS for row in model["costs"]]
_NOVEMBER_NS = round(dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()) * 10**9


@pytest.fixture(scope="module")
def prices():
    return GenaiPrices.load(clock=lambda: _NOVEMBER_NS)


def _name(value):
    return value["model"] if "model" in value else value.get("tier", "default")


def _by_hand(model, row):
    """The nano-dollars by the table's prices, without any of our arithmetic."""
    usd, tokens = model[row["tier"]] if "tier" in row else model["usd"], row["tokens"]
    if "tier" not in row and tokens["input"] > model.get("long", {}).get("above", 10**9):
        usd = model["long"]
    rate = {name: Fraction(text) for name, text in usd.items() if name != "above"}
    of = lambda name: tokens.get(name, 0)  # noqa: E731 - a word for a count
    input_, output = rate["input"], rate.get("output", Fraction(0))
    cached, written = rate.get("cached", input_), rate.get("cache_write", input_)
    heard = of("input_audio") - of("cached_audio")
    parts = [
        (of("input") - of("cached") - of("cache_write") - heard, input_),
        (heard, rate.get("input_audio", input_)),
        (of("cached") - of("cached_audio"), cached),
        (of("cached_audio"), rate.get("cached_audio", cached)),
        (of("cache_write") - of("cache_write_1h"), written),
        (of("cache_write_1h"), rate.get("cache_write_1h", written)),
        (of("output") - of("output_audio"), output),
        (of("output_audio"), rate.get("output_audio", output)),
    ]
    return round(sum(count * each for count, each in parts) * 1000)


@pytest.mark.parametrize(("model", "row"), _COSTS, ids=_name)
def test_a_real_model_costs_what_its_prices_say_to_the_last_unit(prices, model, row):
    assert _by_hand(model, row) == row["nano"], "the table contradicts itself"
    price = price_on(prices.find(model["provider"], model["model"]), row.get("tier"))
    assert cost_nano(price, Tokens(**row["tokens"])) == row["nano"]


@pytest.mark.parametrize(("model", "row"), [each for each in _COSTS if "tier" in each[1]], ids=_name)
def test_what_is_billed_is_the_tier_that_served(prices, model, row):
    price, tokens = prices.find(model["provider"], model["model"]), Tokens(**row["tokens"])
    assert bill(price, tokens, "default", row["tier"]).nano == row["nano"]
    assert bill(price, tokens, row["tier"], "default").nano == cost_nano(price, tokens)


def test_thirty_models_of_many_providers_are_held_to_it():
    assert len(_MODELS) >= 30
    assert len({model["provider"] for model in _MODELS}) >= 10
    counted = {name for _, row in _COSTS for name in row["tokens"]}
    assert counted == set(Tokens.__struct_fields__) - {"units"}, "of which the list knows no price"
    assert {row.get("tier") for _, row in _COSTS} == {None, "flex", "priority", "batch"}
    assert sum("long" in model for model in _MODELS) >= 8
