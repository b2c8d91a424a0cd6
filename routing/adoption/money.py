"""Prices and budgets of a source in the config's spelling."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from ..prices import Price

#: 10⁻²⁴ dollars per token in one dollar per million tokens.
_PER_MILLION: Final = Decimal(10**18)
_TOKENS: Final = 1_000_000
_LEAST: Final = Decimal("0.000000001")

_DURATION: Final = re.compile(r"(\d+) ?(mo|[smhdw])?")
_SECONDS: Final[Mapping[str, int]] = MappingProxyType(
    {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_592_000}
)
_WINDOWS: Final[Mapping[int, str]] = MappingProxyType(
    {3600: "hour", 86_400: "day", 604_800: "week", 2_592_000: "month", 2_678_400: "month"}
)


def window(duration: str | None) -> str | None:
    """Return the budget window that lasts as long as a duration; None if there is none. Absent: for ever.

    >>> window("24h"), window("1mo"), window("10d"), window(None)
    ('day', 'month', None, 'total')
    """
    if duration is None:
        return "total"
    match = _DURATION.fullmatch(duration)
    return None if match is None else _WINDOWS.get(int(match[1]) * _SECONDS[match[2] or "s"])


def budget(usd: float, per: str) -> Mapping[str, object] | None:
    """Return a budget that refuses when it is spent; None for a sum that is none."""
    sum_ = Decimal(repr(usd))
    return None if sum_ < _LEAST else {"usd": plain(sum_), "per": per, "at_limit": "refuse"}


def per_million(dollars_per_token: float) -> Decimal:
    """Return a price per token as dollars per million tokens."""
    return plain(Decimal(repr(dollars_per_token)) * _TOKENS)


def written_out(price: Price) -> Mapping[str, object]:
    """Return the rates of a listed price as a price of the config; its tiers and fees have no place there."""
    rates = price.rates
    return {
        "input": plain(rates.input / _PER_MILLION),
        "output": plain(rates.output / _PER_MILLION),
        "cached": plain(rates.cached / _PER_MILLION),
        "cache_write": plain(rates.cache_write / _PER_MILLION),
    }


def plain(number: Decimal) -> Decimal:
    """Return a number without an exponent and without zeros at its end.

    >>> plain(Decimal("1.50E+2")), plain(Decimal("0.150"))
    (Decimal('150'), Decimal('0.15'))
    """
    return Decimal(f"{number.normalize():f}")
