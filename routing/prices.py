"""What an attempt costs: exact integer arithmetic from a price and token counts to nano-dollars.

Rates are whole numbers of 10⁻²⁴ dollars per token. That is USD per million tokens with 18 decimals, as many as the
longest price of the price list has, so nothing is rounded before the end. There, once, the cost of an attempt is
rounded half to even to nano-dollars.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import msgspec

from ..schemas import config
from ..schemas.reply import Tokens
from .estimate import TokenEstimate

#: 10⁻²⁴ dollars in a nano-dollar.
_PER_NANO: Final = 10**15
#: 10⁻²⁴ dollars per token in one dollar per million tokens.
_PER_MILLION: Final = Decimal(10**18)
#: Wide enough that a product of any price is exact before it is brought to a whole number.
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)


class Rates(msgspec.Struct, frozen=True):
    """10⁻²⁴ dollars per token, by what the token is."""

    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int


class Tier(msgspec.Struct, frozen=True):
    """Rates of a long context. Once reached, they hold for all tokens of the attempt, as providers bill it."""

    #: The tier is reached by more input tokens than this, cached ones included.
    above: int
    rates: Rates


class Price(msgspec.Struct, frozen=True):
    """The price of one model at one time."""

    rates: Rates
    #: Names the list and its edition; stamped on every usage event. Never empty.
    version: str
    #: The entry of the list that was matched, for people.
    source: str
    #: Highest first.
    tiers: tuple[Tier, ...] = ()
    #: 10⁻²⁴ dollars per request, whatever its tokens.
    request: int = 0


def cost_nano(price: Price, tokens: Tokens) -> int:
    """Return what `tokens` cost, in nano-dollars.

    Counts that contradict each other (more cached tokens than input, more reasoning than output) are a provider's
    mistake; every token named is charged once, at the rate of what it is named.
    """
    rates = _rates(price, tokens.input)
    plain = tokens.input - tokens.cached - tokens.cache_write
    said = tokens.output - tokens.reasoning
    exact = price.request + tokens.cached * rates.cached + tokens.cache_write * rates.cache_write
    exact += tokens.reasoning * rates.reasoning
    if plain > 0:
        exact += plain * rates.input
    if said > 0:
        exact += said * rates.output
    return _nano(exact)


def estimate_nano(price: Price, input_tokens: int, output_tokens: int) -> int:
    """Return the most that an attempt of at most so many tokens can cost, in nano-dollars.

    For attempts whose true cost nobody knows: each token is charged at the dearest rate that it could have.
    """
    reached = (price.rates, *(tier.rates for tier in price.tiers if input_tokens > tier.above))
    dearest_input = max(max(rates.input, rates.cached, rates.cache_write) for rates in reached)
    dearest_output = max(max(rates.output, rates.reasoning) for rates in reached)
    return _nano(price.request + input_tokens * dearest_input + output_tokens * dearest_output)


def worst_cost(price: Price, estimate: TokenEstimate) -> int:
    """Return what is held of a budget before an attempt, in nano-dollars: no count within its bounds costs more.

    So it is at the dearest of the tiers that its worst case reaches, also where the attempt then stays below them, and
    each token is at the dearest rate of its kind, whether it turns out cached, written to a cache, or reasoning.
    """
    return estimate_nano(price, estimate.worst_input, estimate.worst_output)


def from_config(price: config.Price) -> Price:
    """Make the price that stands in a config, USD per million tokens; what is absent costs as its kind does."""
    input_, output = per_million(price.input), per_million(price.output)
    rates = Rates(
        input=input_,
        cached=input_ if price.cached is None else per_million(price.cached),
        cache_write=input_ if price.cache_write is None else per_million(price.cache_write),
        output=output,
        reasoning=output,
    )
    return Price(rates, version="config", source="config")


def per_million(dollars: Decimal) -> int:
    """Return a rate of so many dollars per million tokens; decimals after the 18th are rounded half to even."""
    return int(_EXACT.to_integral_value(_EXACT.multiply(dollars, _PER_MILLION)))


def per_thousand_requests(dollars: Decimal) -> int:
    """Return what one request adds if a thousand cost so many dollars."""
    return per_million(dollars) * 1000


def _rates(price: Price, input_tokens: int) -> Rates:
    for tier in price.tiers:
        if input_tokens > tier.above:
            return tier.rates
    return price.rates


def _nano(exact: int) -> int:
    whole, rest = divmod(exact, _PER_NANO)
    twice = 2 * rest
    return whole + (twice > _PER_NANO or (twice == _PER_NANO and whole & 1 == 1))
