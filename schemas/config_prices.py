"""The config of prices: USD per million tokens, by what a token is, and what service tiers cost."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .config_part import Part
from .config_values import wrong

#: Service tiers beside the standard one, by OpenAI's names.
ServiceTierWord = Literal["flex", "priority", "scale", "reserved", "batch"]

_Usd = Annotated[Decimal, Field(ge=0)]


class Rates(Part):
    """USD per million tokens."""

    input: _Usd | None = None
    """Input tokens; absent: there is no price for tokens, only for units."""
    output: _Usd = Decimal(0)
    """Output tokens."""
    cached: _Usd | None = None
    """Cached input tokens; absent: as input."""
    cache_write: _Usd | None = None
    """Input tokens written to the cache; absent: as input."""
    cache_write_1h: _Usd | None = None
    """Those that stay there for an hour; absent: as cache_write."""
    reasoning: _Usd | None = None
    """Reasoning tokens; absent: as output."""
    input_audio: _Usd | None = None
    """Input tokens that are sound; absent: as input."""
    cached_audio: _Usd | None = None
    """Those of them that were cached; absent: as cached."""
    output_audio: _Usd | None = None
    """Output tokens that are sound; absent: as output."""


class LongContext(Rates):
    """What all tokens of an attempt cost whose input is longer."""

    above: int = Field(ge=1)
    """Input tokens, cached ones included."""

    @model_validator(mode="after")
    def _of_tokens(self) -> Self:
        if self.input is None:
            raise wrong("input", "none")
        return self


class Price(Rates):
    """USD per million tokens; overrides the price list."""

    per_request: _Usd = Decimal(0)
    """USD of each call that is answered, whatever its tokens."""
    unit: _Usd | None = None
    """USD for one unit: a search unit, an image, a second of sound, a moderation."""
    long_context: list[LongContext] = []
    """Dearer rates for long inputs."""

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.input is None and self.unit is None:
            raise wrong("input or unit", "neither")
        return self

    @model_validator(mode="after")
    def _apart(self) -> Self:
        starts = [each.above for each in self.long_context]
        if len(set(starts)) < len(starts):
            raise wrong("a different `above` for each long context", ", ".join(map(str, starts)))
        return self


class ServiceTier(Part):
    """What a service tier costs. Exactly one of the three is given."""

    factor: Annotated[Decimal, Field(ge=0)] | None = None
    """Its share of the standard price: 0.5 is half of it."""
    price: Price | None = None
    """Its price, where it is no share."""
    offered: bool = True
    """false: there is no such tier, whatever is known of the provider."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("factor", "price") if getattr(self, name) is not None]
        given += [] if self.offered else ["offered: false"]
        if len(given) != 1:
            raise wrong("one of factor, price and offered: false", " and ".join(given) or "none")
        return self
