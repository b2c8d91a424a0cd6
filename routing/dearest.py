"""What a call may cost, in a few numbers: kept beside an attempt, for when nobody knows its deployment any more."""

from typing import Final

import msgspec

from .prices import Price, Rates
from .service_tiers import price_on

#: 10⁻²⁴ dollars in one of these numbers.
_UNIT: Final = 10**9


class Dearest(msgspec.Struct, frozen=True, array_like=True):
    """The dearest that a price gets to, whatever the length of the input: 10⁻¹⁵ dollars, rounded up."""

    #: The price's.
    version: str
    #: Per token.
    input: int
    output: int
    #: Per call.
    request: int = 0
    #: Per unit; None if nobody knows.
    unit: int | None = None
    by_tokens: bool = True

    @classmethod
    def of(cls, price: Price, asked: str | None) -> "Dearest":
        """Return it for a call that asks for a service tier, and may be served on the standard one instead."""
        on_tier = price_on(price, asked) or price
        prices = (price,) if on_tier is price else (price, on_tier)
        rates = [each for one in prices for each in (one.rates, *[tier.rates for tier in one.tiers])]
        units = [one.unit for one in prices if one.unit is not None]
        return cls(
            price.version,
            _up(max([each.input for each in rates])),
            _up(max([each.output for each in rates])),
            _up(max([one.request for one in prices])),
            _up(max(units)) if units else None,
            price.by_tokens,
        )

    def price(self) -> Price:
        """Return it as a price, of tokens that are of no kind in particular."""
        input_, output = self.input * _UNIT, self.output * _UNIT
        return Price(
            Rates(input_, input_, input_, output, output),
            self.version,
            "kept with the attempt",
            request=self.request * _UNIT,
            unit=None if self.unit is None else self.unit * _UNIT,
            by_tokens=self.by_tokens,
        )


def _up(rate: int) -> int:
    return -(-rate // _UNIT)
