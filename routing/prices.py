"""What an attempt costs: exact integer arithmetic from a price and token counts to nano-dollars.

Rates are whole numbers of 10⁻²⁴ dollars per token. That is USD per million tokens with 18 decimals, as many as the
longest price of the price list has, so nothing is rounded before the end. There, once, the cost of an attempt is
rounded half to even to nano-dollars.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import msgspec

from ..schemas import config_prices as config
from ..schemas.reply import Tokens
from ..schemas.request import Endpoint
from .estimate import TokenEstimate
from .token_kinds import ALL_KINDS, Kinds

#: 10⁻²⁴ dollars in a nano-dollar.
_PER_NANO: Final = 10**15
#: 10⁻²⁴ dollars per token in one dollar per million tokens.
_PER_MILLION: Final = Decimal(10**18)
#: What may be billed by units instead of tokens; where a unit is a search unit, by nothing else.
_BY_UNITS: Final = frozenset({Endpoint.MODERATIONS, Endpoint.IMAGES, Endpoint.TRANSCRIPTIONS})
_BY_SEARCH_UNITS: Final = frozenset({"cohere"})
#: Wide enough that a product of any price is exact before it is brought to a whole number.
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)


class Rates(msgspec.Struct, frozen=True):
    """10⁻²⁴ dollars per token, by what the token is."""

    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int
    #: What few prices tell apart; None: as `cache_write`, `input`, `cached` and `output`.
    cache_write_1h: int | None = None
    input_audio: int | None = None
    cached_audio: int | None = None
    output_audio: int | None = None

    @property
    def has_kinds(self) -> bool:
        """Say whether any of what few prices tell apart has a rate of its own."""
        return (self.cache_write_1h, self.input_audio, self.cached_audio, self.output_audio) != (None,) * 4


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
    #: What the model costs on other service tiers than the standard one, by their names.
    services: "tuple[tuple[str, Price], ...]" = ()
    #: 10⁻²⁴ dollars per unit: a search unit, an image, a second of sound, a moderation; None if nobody knows.
    unit: int | None = None
    #: Whether `rates` are known; otherwise it is a price of units alone.
    by_tokens: bool = True
    #: Where more is billed than these rates say.
    not_for: frozenset[Endpoint] = frozenset()

    @property
    def has_kinds(self) -> bool:
        """Say whether tokens of any kind that few prices tell apart have a rate of their own."""
        return self.rates.has_kinds or any(tier.rates.has_kinds for tier in self.tiers)


def cost_nano(price: Price, tokens: Tokens, calls: int = 1) -> int:
    """Return what `tokens` cost, in nano-dollars: of one call, or of so many equal ones together.

    Counts that contradict each other (more cached tokens than input, more reasoning than output) are a provider's
    mistake; every token named is charged once, at the rate of what it is named.
    """
    rates = price.rates
    for tier in price.tiers:
        if tokens.input > tier.above * calls:
            rates = tier.rates
            break
    apart = price.request * calls + (tokens.units * price.unit if tokens.units and price.unit else 0)
    if tokens.cache_write_1h or tokens.input_audio or tokens.cached_audio or tokens.output_audio:
        return _nano(apart + _of_all_kinds(rates, tokens))
    cached, written, reasoning = tokens.cached, tokens.cache_write, tokens.reasoning
    plain, said = tokens.input - cached - written, tokens.output - reasoning
    exact = apart + cached * rates.cached + written * rates.cache_write + reasoning * rates.reasoning
    if plain > 0:
        exact += plain * rates.input
    if said > 0:
        exact += said * rates.output
    return _nano(exact)


def expected_cost(price: Price, estimate: TokenEstimate) -> int:
    """Return what an attempt is expected to cost, 10⁻²⁴ dollars: not rounded, because it is only compared."""
    twins = estimate.twins
    if twins != 1:
        estimate = estimate.of_each
    input_, cached, rates = estimate.input, estimate.cached, price.rates
    for tier in price.tiers:
        if input_ > tier.above:
            rates = tier.rates
            break
    apart = price.request + estimate.worst_units * (price.unit or 0)
    each = apart + (input_ - cached) * rates.input + cached * rates.cached + estimate.output * rates.output
    return each * twins


def _of_all_kinds(rates: Rates, tokens: Tokens) -> int:
    """Return what tokens cost of which some are of the kinds that few prices tell apart; 10⁻²⁴ dollars."""
    heard = max(tokens.input_audio - tokens.cached_audio, 0)
    counts = (
        (tokens.cached_audio, rates.cached_audio, rates.cached),
        (tokens.cached - tokens.cached_audio, None, rates.cached),
        (tokens.cache_write_1h, rates.cache_write_1h, rates.cache_write),
        (tokens.cache_write - tokens.cache_write_1h, None, rates.cache_write),
        (heard, rates.input_audio, rates.input),
        (tokens.input - tokens.cached - tokens.cache_write - heard, None, rates.input),
        (tokens.output_audio, rates.output_audio, rates.output),
        (tokens.reasoning, None, rates.reasoning),
        (tokens.output - tokens.output_audio - tokens.reasoning, None, rates.output),
    )
    return sum(max(count, 0) * (usual if own is None else own) for count, own, usual in counts)


def can_price(price: Price | None, tokens: Tokens) -> bool:
    """Say whether a price covers what was used: units alone, without a price of units, would be free by mistake."""
    if price is None or price.unit is not None or not tokens.units:
        return True
    return price.by_tokens and bool(tokens.input or tokens.output)


def covers(price: Price, endpoint: Endpoint, wire: str) -> bool:
    """Say whether a price is one of what an endpoint is billed by, as far as that is known before the call."""
    if endpoint is Endpoint.CHAT:  # nearly all are, and planning asks for every deployment
        return price.by_tokens
    if endpoint in price.not_for:
        return False
    if endpoint is Endpoint.RERANK and wire in _BY_SEARCH_UNITS:
        return price.unit is not None
    return price.by_tokens or endpoint in _BY_UNITS


def fitting(price: Price | None, endpoint: Endpoint, wire: str) -> Price | None:
    """Return a price where it covers what is billed; a price that does not is as good as unknown."""
    return price if price is None or covers(price, endpoint, wire) else None


def estimate_nano(
    price: Price, input_tokens: int, output_tokens: int, kinds: Kinds = ALL_KINDS, *, units: int = 0
) -> int:
    """Return the most that an attempt of at most so many tokens and units can cost, in nano-dollars.

    For attempts whose true cost nobody knows: each token is charged at the dearest rate that it could have; `kinds` are
    those that it could be of.
    """
    input_, output = _dearest(price.rates, kinds)
    for tier in price.tiers:
        if input_tokens > tier.above:
            for_input, for_output = _dearest(tier.rates, kinds)
            input_, output = max(input_, for_input), max(output, for_output)
    apart = price.request + units * (price.unit or 0)
    return _nano(apart + input_tokens * input_ + output_tokens * output)


def _dearest(rates: Rates, kinds: Kinds) -> tuple[int, int]:
    """Return the dearest rates that input and output could have."""
    input_ = max(rates.input, rates.cached, rates.cache_write)
    output = max(rates.output, rates.reasoning)
    if kinds.hourly:
        input_ = max(input_, rates.cache_write_1h or 0)
    if kinds.audio:
        input_ = max(input_, rates.input_audio or 0, rates.cached_audio or 0)
        output = max(output, rates.output_audio or 0)
    return input_, output


def worst_cost(price: Price, estimate: TokenEstimate, kinds: Kinds = ALL_KINDS) -> int:
    """Return what is held of a budget before an attempt, in nano-dollars: no count within its bounds costs more.

    So it is at the dearest of the tiers that its worst case reaches, also where the attempt then stays below them, and
    each token is at the dearest rate of its kind, whether it turns out cached, written to a cache, or reasoning.
    """
    each = estimate.of_each
    return estimate.twins * estimate_nano(price, each.worst_input, each.worst_output, kinds, units=each.worst_units)


def from_config(price: config.Price) -> Price:
    """Make the price that stands in a config, USD per million tokens; what is absent costs as its kind does."""
    tiers = tuple(Tier(each.above, _rates(each)) for each in sorted(price.long_context, key=lambda each: -each.above))
    return Price(
        _rates(price),
        version="config",
        source="config",
        tiers=tiers,
        request=_each(price.per_request),
        unit=None if price.unit is None else _each(price.unit),
        by_tokens=price.input is not None,
    )


def _each(dollars: Decimal) -> int:
    """Return what one costs, 10⁻²⁴ dollars."""
    return int(_EXACT.to_integral_value(_EXACT.multiply(dollars, _PER_MILLION * 10**6)))


def _rates(given: config.Rates) -> Rates:
    input_, output = per_million(given.input or Decimal(0)), per_million(given.output)
    cached, written, thought = (_maybe(each) for each in (given.cached, given.cache_write, given.reasoning))
    return Rates(
        input=input_,
        cached=input_ if cached is None else cached,
        cache_write=input_ if written is None else written,
        output=output,
        reasoning=output if thought is None else thought,
        cache_write_1h=_maybe(given.cache_write_1h),
        input_audio=_maybe(given.input_audio),
        cached_audio=_maybe(given.cached_audio),
        output_audio=_maybe(given.output_audio),
    )


def _maybe(dollars: Decimal | None) -> int | None:
    return None if dollars is None else per_million(dollars)


def per_million(dollars: Decimal) -> int:
    """Return a rate of so many dollars per million tokens; decimals after the 18th are rounded half to even."""
    return int(_EXACT.to_integral_value(_EXACT.multiply(dollars, _PER_MILLION)))


def per_thousand_requests(dollars: Decimal) -> int:
    """Return what one request adds if a thousand cost so many dollars."""
    return per_million(dollars) * 1000


def usd_per_million(rate: int) -> Decimal:
    """Return a rate as exact US dollars per million tokens: the inverse of `per_million`."""
    return Decimal(rate).scaleb(-18, _EXACT)


def _nano(exact: int) -> int:
    whole, rest = divmod(exact, _PER_NANO)
    twice = 2 * rest
    return whole + (twice > _PER_NANO or (twice == _PER_NANO and whole & 1 == 1))
