"""What differs between two prices of one model: by service tier, length of the input, and kind of token. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from .prices import Price, Rates
from .service_tiers import STANDARD

#: As what each kind costs that has no rate of its own.
_KIN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cached": "input",
        "cache_write": "input",
        "cache_write_1h": "cache_write",
        "reasoning": "output",
        "input_audio": "input",
        "cached_audio": "cached",
        "output_audio": "output",
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One rate that is another; 10⁻²⁴ dollars per token, or per request. None: there is no such price."""

    service_tier: str
    #: The input tokens above which it holds.
    above: int
    #: A field of `Rates`, or `request`.
    kind: str
    before: int | None
    after: int | None

    @property
    def ratio(self) -> Fraction | None:
        """The new rate over the old one, None where that is no number."""
        return None if self.after is None or not self.before else Fraction(self.after, self.before)


def differences(before: Price | None, after: Price | None) -> Iterator[Difference]:
    """Yield what differs, the standard tier first, then the other tiers by name; short inputs before long ones."""
    old, new = _by_tier(before), _by_tier(after)
    for tier in sorted({*old, *new}, key=lambda name: (name != STANDARD, name)):
        yield from _on_tier(tier, old.get(tier), new.get(tier))


def _by_tier(price: Price | None) -> dict[str, Price]:
    return {} if price is None else {STANDARD: price, **dict(price.services)}


def _on_tier(tier: str, before: Price | None, after: Price | None) -> Iterator[Difference]:
    starts = {0, *(each.above for price in (before, after) if price is not None for each in price.tiers)}
    for above in sorted(starts):
        old, new = _rates(before, above), _rates(after, above)
        yield from (
            Difference(tier, above, kind, old.get(kind), new.get(kind))
            for kind in Rates.__struct_fields__
            if old.get(kind) != new.get(kind) and not _as_its_kin(kind, old, new)
        )
    fees = [None if price is None else price.request for price in (before, after)]
    if fees[0] != fees[1] and any(fees):
        yield Difference(tier, 0, "request", *fees)


def _as_its_kin(kind: str, old: Mapping[str, int], new: Mapping[str, int]) -> bool:
    """Say whether a rate differs only because that of its kin does."""
    kin = _KIN.get(kind)
    return kin is not None and all(rates.get(kind) == rates.get(kin) for rates in (old, new))


def _rates(price: Price | None, above: int) -> dict[str, int]:
    """Return the rates of all kinds for an input of one token more than `above`."""
    if price is None:
        return {}
    rates = next((tier.rates for tier in price.tiers if above + 1 > tier.above), price.rates)
    found = dict[str, int]()
    for kind in ("input", "output", *_KIN):  # kin come before those that cost as they do
        own: int | None = getattr(rates, kind)
        found[kind] = found[_KIN[kind]] if own is None else own
    return found
