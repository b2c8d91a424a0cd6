"""What service tiers cost: the table, the config's word over it, and who pays what when a provider says what served."""

from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.price_list import GenaiPrices
from headgate.routing.prices import Price, Rates, Tier, cost_nano, per_million
from headgate.routing.providers.catalogue import catalogue
from headgate.routing.service_tiers import (
    Factor,
    TierTable,
    bill,
    offered,
    price_on,
    tier_name,
    with_config,
    with_factors,
    worst_on,
)
from headgate.routing.token_kinds import Kinds, kinds_of
from headgate.schemas.config_prices import Price as Said
from headgate.schemas.config_prices import ServiceTier
from headgate.schemas.reply import Tokens

TABLE = TierTable.load()


@pytest.fixture(scope="module")
def prices():
    return GenaiPrices.load()


def usd(*amounts):
    return [per_million(Decimal(amount)) for amount in amounts]


BASE = Price(Rates(*usd("1.25", "0.125", "1.25", "10", "10")), "list 1", "x/y")


@pytest.mark.parametrize("row", TABLE.row, ids=lambda row: f"{row.tier}-{'-'.join(row.at)}")
def test_each_row_says_where_it_is_from_and_is_of_a_provider_that_has_the_tier(row):
    assert row.source
    assert 0 < Fraction(row.factor) <= 3
    assert row.cached is None or 0 < Fraction(row.cached) <= 3
    for provider in row.at:
        assert row.tier in {*catalogue()[provider].tiers, "scale", "reserved"}


def test_every_pattern_of_the_table_is_of_a_model_that_the_list_knows(prices):
    listed = list(prices.listed())
    makers = {"azure": "openai", "vertex": "gemini", "vertex-anthropic": "anthropic"}
    unknown = [
        (provider, pattern)
        for row in TABLE.row
        for provider in row.at
        for pattern in row.models
        if not any(
            owner in {provider, makers.get(provider)} and fnmatchcase(model.lower(), pattern) for owner, model in listed
        )
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("provider", "model", "tiers"),
    [
        ("openai", "gpt-5-2025-08-07", {"batch", "flex", "priority", "scale"}),
        ("openai", "gpt-4o", {"batch", "priority", "scale"}),
        ("anthropic", "claude-sonnet-4-5", {"batch"}),
        ("gemini", "gemini-2.5-flash", {"batch", "flex", "priority"}),
        ("groq", "openai/gpt-oss-120b", {"batch", "flex"}),
        ("together", "openai/gpt-oss-120b", set()),
        ("simulator", "o3", {"batch", "flex", "priority", "scale"}),
    ],
)
def test_a_model_has_the_tiers_of_its_own_provider_and_the_simulator_those_of_the_maker(prices, provider, model, tiers):
    price = prices.find(provider, model)
    assert {name for name, _ in price.services} == tiers
    assert set(offered(price)) == tiers - {"batch"}
    for _, tier in price.services:
        assert tier.version == f"{prices.version}, service tiers {TABLE.edition}"


@given(st.fractions(0, 3, max_denominator=1000), st.fractions(0, 3, max_denominator=1000))
def test_a_share_of_a_price_is_a_share_of_each_of_its_rates(share, cached):
    price = Price(BASE.rates, "v", "s", (Tier(1000, Rates(*usd(2, 1, 3, 20, 30), *usd(4, 5, 6, 7))),), request=17)
    scaled = price_on(with_factors(price, {"flex": Factor(share, cached)}, "e"), "flex")
    for before, after in zip((price.rates, price.tiers[0].rates), (scaled.rates, scaled.tiers[0].rates), strict=True):
        for name in Rates.__struct_fields__:
            own = getattr(before, name)
            of = cached if name in {"cached", "cached_audio"} else share
            assert getattr(after, name) == (None if own is None else round(own * of))
    assert scaled.request == 17


def test_the_config_is_stronger_than_the_table():
    listed = with_factors(
        BASE, {"flex": Factor(Fraction(1, 2), Fraction(1, 2)), "batch": Factor(*[Fraction(1)] * 2)}, "e"
    )
    said = {
        "flex": ServiceTier(factor=Decimal("0.4")),
        "priority": ServiceTier(price=Said(input=Decimal(3), output=Decimal(20))),
        "batch": ServiceTier(offered=False),
    }
    price = with_config(listed, said.items())
    assert [name for name, _ in price.services] == ["flex", "priority"]
    assert price_on(price, "flex").rates == Rates(*usd("0.5", "0.05", "0.5", "4", "4"))
    assert price_on(price, "flex").version == "list 1, service tiers config"
    assert price_on(price, "priority").rates == Rates(*usd(3, 3, 3, 20, 20))
    assert price_on(price, "priority").version == "config"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("flex", "flex"),
        ("standard", "default"),
        ("on_demand", "default"),
        ("fast", "priority"),
        ("", "auto"),
        (3, None),
    ],
)
def test_each_tier_has_one_name(said, name):
    assert tier_name(said) == name


rates = st.builds(Rates, *[st.integers(0, 10**19)] * 5)
tiers = st.dictionaries(
    st.sampled_from(["flex", "priority", "scale", "batch"]), st.builds(Price, rates, st.just("v"), st.just("s"))
)
counts = st.builds(
    lambda plain, cached, written, said, thought: Tokens(
        plain + cached + written, cached, written, said + thought, thought
    ),
    *[st.integers(0, 10**6)] * 5,
)
names = st.none() | st.sampled_from(["auto", "default", "flex", "priority", "scale", "batch", "warp"])


@given(rates, tiers, counts, names, names)
def test_a_bill_is_at_the_price_of_the_tier_that_served_and_never_below_it(base, services, tokens, asked, served):
    price = Price(base, "v", "s", services=tuple(sorted(services.items())))
    paid = bill(price, tokens, asked, served)
    costs = {"default": cost_nano(price, tokens)} | {n: cost_nano(p, tokens) for n, p in services.items()}
    if served in costs:
        assert paid.nano == costs[served]
    elif served in {None, "auto"}:
        assert paid.nano == max(costs["default"], costs.get(asked, 0))
    else:
        assert paid.nano == max(costs.values())
        assert paid.version.endswith(f", service tier {served} unknown")


@given(rates, tiers, counts, names)
def test_what_is_held_covers_the_tier_that_was_asked_for_and_the_standard_one(base, services, tokens, asked):
    price = Price(base, "v", "s", services=tuple(sorted(services.items())))
    worst = worst_on(price, asked, tokens.input, tokens.output)
    for served in {None, "default", *({asked} & services.keys())}:
        assert bill(price, tokens, asked, served).nano <= worst


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (b'{"messages":[{"role":"user","content":"hello"}]}', Kinds(hourly=False, audio=False)),
        (b'{"cache_control":{"type":"ephemeral","ttl":"1h"}}', Kinds(hourly=True, audio=False)),
        (b'{"cache_control":{"type":"ephemeral","ttl":"5m"}}', Kinds(hourly=False, audio=False)),
        (b'{"ttl":"\\u0031h"}', Kinds(hourly=True, audio=True)),
        (b'{"type":"input_audio"}', Kinds(hourly=False, audio=True)),
        (b'{"type":"image_url","image_url":{"url":"data:audio/wav;base64,"}}', Kinds(hourly=False, audio=True)),
        (b'{"previous_response_id":"x"}', Kinds(hourly=False, audio=True)),
    ],
)
def test_dear_kinds_of_tokens_are_held_for_where_a_body_can_make_them(body, kinds):
    assert kinds_of(body) == kinds
    assert kinds_of(b"{}", body) == kinds


def test_an_hour_in_the_cache_is_in_the_worst_case_only_where_it_can_be_asked_for(prices):
    price = prices.find("anthropic", "claude-haiku-4-5")
    usual = worst_on(price, None, 1000, 0, Kinds(hourly=False, audio=False))
    assert (usual, worst_on(price, None, 1000, 0)) == (1_250_000, 2_000_000)
    assert cost_nano(price, Tokens(1000, cache_write=1000, cache_write_1h=1000)) == 2_000_000
