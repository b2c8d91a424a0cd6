"""What an attempt costs: exact, rounded once, monotone, never negative."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.prices import (
    Price,
    Rates,
    Tier,
    can_price,
    cost_nano,
    estimate_nano,
    fitting,
    from_config,
    per_million,
)
from headgate.schemas import config
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint

_UNIT = Fraction(1, 10**15)  # 10⁻²⁴ dollars in nano-dollars
_COUNTS = st.integers(0, 3_000_000)
#: Quarters of a count: none and all of it as often as anything between.
_PART = st.integers(0, 4)
_AMOUNTS = st.decimals(0, 1_000, places=6)
_AMOUNT = _AMOUNTS.map(per_million)
_RATES = st.builds(Rates, *[_AMOUNT] * 5, *[st.none() | _AMOUNT] * 4)


@st.composite
def _prices(draw):
    starts = sorted(draw(st.sets(st.integers(0, 2_000_000), max_size=3)), reverse=True)
    tiers = tuple(Tier(start, draw(_RATES)) for start in starts)
    return Price(draw(_RATES), "test 1", "test/model", tiers, draw(_AMOUNT), unit=draw(st.none() | _AMOUNT))


@st.composite
def _tokens(draw):
    cached, written, plain = draw(_COUNTS), draw(_COUNTS), draw(_COUNTS)
    reasoning, said = draw(_COUNTS), draw(_COUNTS)
    hourly, cached_sound = draw(_PART) * written // 4, draw(_PART) * cached // 4
    heard, spoken = draw(_PART) * plain // 4, draw(_PART) * said // 4
    return Tokens(
        cached + written + plain,
        cached,
        written,
        said + reasoning,
        reasoning,
        hourly,
        heard + cached_sound,
        cached_sound,
        spoken,
        draw(_COUNTS),
    )


def _rates_for(price, tokens):
    return next((tier.rates for tier in price.tiers if tokens.input > tier.above), price.rates)


def _exact(price, tokens):
    rates = _rates_for(price, tokens)
    heard = tokens.input_audio - tokens.cached_audio
    return _UNIT * (
        price.request
        + tokens.units * (price.unit or 0)
        + (tokens.input - tokens.cached - tokens.cache_write - heard) * rates.input
        + heard * _or(rates.input_audio, rates.input)
        + (tokens.cached - tokens.cached_audio) * rates.cached
        + tokens.cached_audio * _or(rates.cached_audio, rates.cached)
        + (tokens.cache_write - tokens.cache_write_1h) * rates.cache_write
        + tokens.cache_write_1h * _or(rates.cache_write_1h, rates.cache_write)
        + (tokens.output - tokens.reasoning - tokens.output_audio) * rates.output
        + tokens.output_audio * _or(rates.output_audio, rates.output)
        + tokens.reasoning * rates.reasoning
    )


def _or(own, usual):
    return usual if own is None else own


@given(_prices(), _tokens())
def test_the_cost_is_the_exact_sum_rounded_once_half_to_even(price, tokens):
    assert cost_nano(price, tokens) == round(_exact(price, tokens))


@given(_prices(), _tokens(), _tokens())
def test_two_attempts_cost_what_both_together_cost_but_for_the_rounding(price, one, other):
    flat = Price(price.rates, price.version, price.source, unit=price.unit)
    both = Tokens(*(a + b for a, b in zip(_counts(one), _counts(other), strict=True)))
    assert abs(cost_nano(flat, one) + cost_nano(flat, other) - cost_nano(flat, both)) <= 1


@given(_prices(), _tokens(), st.integers(1, 128))
def test_equal_calls_together_cost_as_many_times_what_one_costs_but_for_the_rounding(price, one, calls):
    together = Tokens(*(calls * count for count in _counts(one)))
    assert abs(cost_nano(price, together, calls) - calls * cost_nano(price, one)) <= calls


@given(_prices(), _tokens(), st.sampled_from(["input", "output"]), st.integers(0, 10**6))
def test_more_tokens_never_cost_less_within_a_tier(price, tokens, kind, more):
    flat = Price(_rates_for(price, tokens), price.version, price.source, request=price.request)
    larger = Tokens(**{**_named(tokens), kind: getattr(tokens, kind) + more})
    assert cost_nano(flat, larger) >= cost_nano(flat, tokens) >= 0


@given(_prices(), st.builds(Tokens, *[_COUNTS] * 10))
def test_counts_that_contradict_each_other_still_cost_something_and_never_less_than_nothing(price, tokens):
    named = tokens.cached + tokens.cache_write + tokens.reasoning
    cheapest = min(_rate_values(_rates_for(price, tokens)))
    assert cost_nano(price, tokens) >= round(_UNIT * named * cheapest)


@given(_prices(), _tokens(), _COUNTS, _COUNTS)
def test_an_estimate_is_never_below_what_an_attempt_within_it_costs(price, tokens, more_input, more_output):
    units = tokens.units + more_input
    estimate = estimate_nano(price, tokens.input + more_input, tokens.output + more_output, units=units)
    assert estimate >= cost_nano(price, tokens)


@given(_prices(), _tokens())
def test_an_estimate_charges_nothing_dearer_than_the_dearest_rate_that_could_apply(price, tokens):
    reached = [price.rates, *(tier.rates for tier in price.tiers if tokens.input > tier.above)]
    dearest = max(max(_rate_values(rates)) for rates in reached)
    total = price.request + (tokens.input + tokens.output) * dearest
    assert estimate_nano(price, tokens.input, tokens.output) <= round(_UNIT * total)


def _counts(tokens):
    return tuple(getattr(tokens, name) for name in Tokens.__struct_fields__)


def _named(tokens):
    return dict(zip(Tokens.__struct_fields__, _counts(tokens), strict=True))


def _rate_values(rates):
    return tuple(rate for name in Rates.__struct_fields__ if (rate := getattr(rates, name)) is not None)


@pytest.mark.parametrize(("tokens", "nano"), [(1, 0), (2, 1), (3, 2), (5, 2), (7, 4), (0, 0)])
def test_half_a_nano_dollar_goes_to_the_even_neighbour(tokens, nano):
    price = from_config(config.Price(input=Decimal("0.0005")))  # half a nano-dollar per token
    assert cost_nano(price, Tokens(input=tokens)) == nano


def test_a_tier_is_reached_above_its_start_and_then_holds_for_all_tokens():
    cheap, dear = Rates(*[per_million(Decimal(1))] * 5), Rates(*[per_million(Decimal(2))] * 5)
    price = Price(cheap, "test 1", "test/model", (Tier(1_000, dear),))
    assert cost_nano(price, Tokens(input=1_000, output=1)) == 1_001_000
    assert cost_nano(price, Tokens(input=1_001, output=1)) == 2_004_000


def test_a_price_of_the_config_is_stamped_as_such_and_absent_kinds_cost_as_their_parents():
    price = from_config(config.Price(input=Decimal("0.10"), output=Decimal("0.40")))
    assert (price.version, price.tiers, price.request) == ("config", (), 0)
    assert cost_nano(price, Tokens(1_000_000, 300_000, 200_000, 1_000_000, 900_000)) == 500_000_000


def test_a_price_of_the_config_with_all_kinds_charges_each():
    given_ = config.Price(input=Decimal(3), output=Decimal(15), cached=Decimal("0.3"), cache_write=Decimal("3.75"))
    assert cost_nano(from_config(given_), Tokens(1_000, 200, 300, 10)) == (
        500 * 3000 + 200 * 300 + 300 * 3750 + 150_000
    )


def test_a_cached_price_of_zero_is_free_and_not_absent():
    price = from_config(config.Price(input=Decimal(1), cached=Decimal(0)))
    assert cost_nano(price, Tokens(input=10, cached=10)) == 0


@pytest.mark.parametrize(
    ("dollars", "units"),
    [("0", 0), ("0.000000000000000001", 1), ("1.0399999999999998", 1_039_999_999_999_999_800), ("1000000", 10**24)],
)
def test_rates_are_exact_to_the_eighteenth_decimal(dollars, units):
    assert per_million(Decimal(dollars)) == units


@given(st.decimals(0, 10**9, places=30))
def test_decimals_after_the_eighteenth_are_rounded_and_not_cut(dollars):
    assert per_million(dollars) == round(Fraction(dollars) * 10**18)


def test_a_unit_costs_what_the_config_says_to_the_last_nano_dollar():
    price = from_config(config.Price(unit=Decimal("0.002")))
    assert cost_nano(price, Tokens(units=3)) == 6_000_000
    assert cost_nano(from_config(config.Price(unit=Decimal("0.0001"))), Tokens(units=9)) == 900_000


def test_a_price_of_nothing_is_none():
    with pytest.raises(ValueError, match="input or unit"):
        config.Price(output=Decimal(1))


_TOKENS = from_config(config.Price(input=Decimal(1), output=Decimal(2)))
_UNITS = from_config(config.Price(unit=Decimal(1)))
_BOTH = from_config(config.Price(input=Decimal(1), unit=Decimal(1)))
_LISTED = msgspec.structs.replace(_TOKENS, not_for=frozenset({Endpoint.IMAGES}))


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize("wire", ["openai", "cohere"])
def test_a_price_covers_an_endpoint_only_if_it_is_one_of_what_is_billed_there(endpoint, wire):
    of_text = endpoint in {Endpoint.CHAT, Endpoint.EMBEDDINGS, Endpoint.RESPONSES}
    by_search_units = endpoint is Endpoint.RERANK and wire == "cohere"
    assert (fitting(_TOKENS, endpoint, wire) is _TOKENS) is not by_search_units
    assert (fitting(_UNITS, endpoint, wire) is None) is (of_text or (endpoint is Endpoint.RERANK and wire == "openai"))
    assert fitting(_BOTH, endpoint, wire) is _BOTH
    assert (fitting(_LISTED, endpoint, wire) is None) is (by_search_units or endpoint is Endpoint.IMAGES)
    assert fitting(None, endpoint, wire) is None


def test_units_that_have_no_price_are_not_free():
    assert not can_price(_TOKENS, Tokens(units=1))
    assert can_price(_TOKENS, Tokens(input=1, units=1))
    assert can_price(_UNITS, Tokens(units=1))
    assert can_price(_TOKENS, Tokens(units=0))
    assert can_price(None, Tokens(units=1))
