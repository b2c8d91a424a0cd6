"""Service tiers: what they are called, and what they cost beside the standard price. From `service_tiers.toml`."""

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

from ..schemas.config_prices import ServiceTier, ServiceTierWord
from ..schemas.reply import Tokens
from .prices import Price, Rates, Tier, cost_nano, estimate_nano, from_config
from .token_kinds import ALL_KINDS, Kinds

#: The tier of whoever asks for none, in OpenAI's word.
STANDARD: Final = "default"
FLEX: Final = "flex"
#: What asks for whatever the provider's account is set to: that is the standard tier, unless somebody changed it.
AUTO: Final = "auto"
#: Not asked for by a call.
_BATCH: Final = "batch"
#: Other words for the same, in requests and in answers.
_SAME: Final[Mapping[str, str]] = MappingProxyType(
    {"standard": STANDARD, "on_demand": STANDARD, "fast": "priority", "": AUTO}
)


def tier_name(said: object) -> str | None:
    """Return the one name of a tier that somebody asks for or says; None for what is no text.

    >>> tier_name("on_demand"), tier_name("fast"), tier_name(None)
    ('default', 'priority', None)
    """
    return _SAME.get(said, said) if isinstance(said, str) else None


class Factor(msgspec.Struct, frozen=True):
    """What a tier costs, as shares of the standard price."""

    all: Fraction
    #: Of cached input.
    cached: Fraction


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the file. `at` are ids of the catalogue; `models` are patterns of the price list's ids, absent: all."""

    tier: ServiceTierWord
    at: tuple[str, ...]
    factor: str
    source: str
    models: tuple[str, ...] = ("*",)
    #: Of cached input, where it is another.
    cached: str | None = None
    #: Whether the maker's own page was not seen.
    unseen: bool = False

    def is_for(self, provider: str, model: str) -> bool:
        return provider in self.at and any(fnmatchcase(model, pattern) for pattern in self.models)


class TierTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    #: The month in which it was made.
    edition: str
    row: tuple[_Row, ...]

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> "TierTable":
        """Read the file that ships with Headgate."""
        text = files("headgate.routing").joinpath("service_tiers.toml").read_text(encoding="utf-8")
        return msgspec.convert(tomllib.loads(text), cls)

    def factors(self, provider: str, model: str) -> Mapping[str, Factor]:
        """Return the tiers of a provider's model, as the price list names it; the first row that fits counts."""
        name, found = model.lower(), dict[str, Factor]()
        for row in self.row:
            if row.tier not in found and row.is_for(provider, name):
                factor = Fraction(row.factor)
                found[row.tier] = Factor(factor, factor if row.cached is None else Fraction(row.cached))
        return found


def with_factors(price: Price, factors: Mapping[str, Factor], edition: str) -> Price:
    """Return a price with those of its service tiers."""
    if not factors:
        return price
    services = tuple((tier, _scaled(price, factor, edition)) for tier, factor in sorted(factors.items()))
    return msgspec.structs.replace(price, services=services)


def _scaled(price: Price, factor: Factor, edition: str) -> Price:
    tiers = tuple(Tier(tier.above, _scaled_rates(tier.rates, factor)) for tier in price.tiers)
    version = f"{price.version}, service tiers {edition}"
    rates = _scaled_rates(price.rates, factor)
    return msgspec.structs.replace(price, rates=rates, version=version, tiers=tiers, services=())


def _scaled_rates(rates: Rates, factor: Factor) -> Rates:
    """Return shares of rates, rounded half to even where a share is no whole number of 10⁻²⁴ dollars."""
    return Rates(
        input=round(rates.input * factor.all),
        cached=round(rates.cached * factor.cached),
        cache_write=round(rates.cache_write * factor.all),
        output=round(rates.output * factor.all),
        reasoning=round(rates.reasoning * factor.all),
        cache_write_1h=_share(rates.cache_write_1h, factor.all),
        input_audio=_share(rates.input_audio, factor.all),
        cached_audio=_share(rates.cached_audio, factor.cached),
        output_audio=_share(rates.output_audio, factor.all),
    )


def _share(rate: int | None, share: Fraction) -> int | None:
    return None if rate is None else round(rate * share)


def with_config(price: Price, tiers: Iterable[tuple[str, ServiceTier]]) -> Price:
    """Return a price with the service tiers that a config says, the last word on each; the others stay as they are."""
    services = dict(price.services)
    for name, tier in tiers:
        services.pop(name, None)
        if tier.price is not None:
            services[name] = from_config(tier.price)
        elif tier.factor is not None:
            share = Fraction(tier.factor)
            services[name] = msgspec.structs.replace(_scaled(price, Factor(share, share), ""), version=_stamp(price))
    return msgspec.structs.replace(price, services=tuple(sorted(services.items())))


def _stamp(price: Price) -> str:
    return price.version if price.version == "config" else f"{price.version}, service tiers config"


def offered(price: Price) -> tuple[str, ...]:
    """Return the service tiers that a call may ask for and whose price is known."""
    return tuple(name for name, _ in price.services if name != _BATCH)


def price_on(price: Price, tier: str | None) -> Price | None:
    """Return the price of a service tier; that of whoever asks for none is the standard one. None: unknown."""
    if tier in {None, AUTO, STANDARD}:
        return price
    return next((its for name, its in price.services if name == tier), None)


class Bill(msgspec.Struct, frozen=True):
    """What an attempt cost, and by which price."""

    nano: int
    version: str


def bill(price: Price, tokens: Tokens, asked: str | None, served: str | None, calls: int = 1) -> Bill:
    """Return what tokens, of so many equal calls, cost on the tier that served them, as the provider says.

    Where it does not say, the attempt cost at most what the dearer of the standard tier and the one asked for does. A
    tier whose price nobody knows is counted at the dearest that is known, and the version says so.
    """
    if served is None or served == AUTO:
        return max((_bill(each, tokens, calls) for each in _possible(price, asked)), key=_nano)
    known = price_on(price, served)
    if known is not None:
        return _bill(known, tokens, calls)
    most = max((_bill(each, tokens, calls) for each in (price, *(its for _, its in price.services))), key=_nano)
    return Bill(most.nano, f"{most.version}, service tier {served} unknown")


def worst_on(
    price: Price, asked: str | None, input_tokens: int, output_tokens: int, kinds: Kinds = ALL_KINDS, *, units: int = 0
) -> int:
    """Return the most that an attempt can cost, nano-dollars: on the tier asked for, or on the standard one instead."""
    return max(estimate_nano(each, input_tokens, output_tokens, kinds, units=units) for each in _possible(price, asked))


def _possible(price: Price, asked: str | None) -> Iterable[Price]:
    on_tier = price_on(price, asked)
    return (price,) if on_tier is None or on_tier is price else (price, on_tier)


def _bill(price: Price, tokens: Tokens, calls: int) -> Bill:
    return Bill(cost_nano(price, tokens, calls), price.version)


def _nano(bill: Bill) -> int:
    return bill.nano
