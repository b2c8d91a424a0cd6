"""Prices as lines of a table: exact US dollars per million tokens."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from ...reporting.tables import Column, Kind
from ...routing.prices import Price, Rates, usd_per_million
from ...routing.service_tiers import STANDARD

#: What each kind of token costs where it has no price of its own.
KINDS: Final = (
    "input",
    "cached",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "input_audio",
    "cached_audio",
    "output_audio",
)


def texts(*names: str) -> tuple[Column, ...]:
    """Return columns of texts."""
    return tuple(Column(name, Kind.TEXT) for name in names)


def tiers_of(price: Price) -> Iterator[tuple[str, Price]]:
    """Yield a price on each of its service tiers, the standard one first."""
    yield STANDARD, price
    yield from price.services


def lengths_of(price: Price) -> Iterator[tuple[int, Rates]]:
    """Yield the input tokens above which rates hold, and these, from the shortest."""
    yield 0, price.rates
    yield from ((tier.above, tier.rates) for tier in reversed(price.tiers))


def rates_line(rates: Rates) -> tuple[str, ...]:
    """Return the rates in the order of `KINDS`; empty where a kind costs as its kin."""
    return tuple(usd(rate) for rate in (getattr(rates, kind) for kind in KINDS))


def usd(rate: int | None) -> str:
    """Spell a rate exactly, without zeros at the end; nothing where there is none.

    >>> usd(150_000_000_000_000_000), usd(0), usd(10**19), usd(None)
    ('0.15', '0', '10', '')
    """
    if rate is None:
        return ""
    text = f"{usd_per_million(rate):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def per_thousand(request: int) -> str:
    """Spell the fee of a thousand requests."""
    return usd(request // 1000) if request else ""


def unix_us(when: dt.datetime) -> int:
    """Return a time as unix microseconds; one without a zone is UTC."""
    aware = when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)
    return (aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
