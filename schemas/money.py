"""Money is an integer number of nano-dollars: 1 USD = 10⁹. Never a float."""

from decimal import Decimal
from typing import Final

NANO_PER_USD: Final = 1_000_000_000


def usd(nano: int) -> Decimal:
    """Return `nano` nano-dollars as an exact number of dollars."""
    return Decimal(nano) / NANO_PER_USD


def show_usd(nano: int) -> str:
    """Spell an amount for people: cents when that is exact enough to read, more digits when it is small.

    >>> show_usd(1_500_000_000), show_usd(-42_000), show_usd(0)
    ('$1.50', '-$0.000042', '$0.00')
    """
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    text = f"{usd(nano):.9f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{sign}${int(whole):,}.{fraction:<02}"
