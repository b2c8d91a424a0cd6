"""The price list: what models cost at their providers, by date. From the data inside the `genai-prices` package.

Only the data that is bundled with the installed release is used, never its online updater: a release is a version that
can be stamped on a usage event and looked up again.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, Self

import msgspec

from ..schemas.request import Endpoint
from .prices import Price, Rates, Tier, per_million, per_thousand_requests
from .service_tiers import TierTable, with_factors

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, Provider

#: Where prices of tokens are not all that is billed: images that have a rate of their own are not told from text by
#: what an answer says it used, and what a model is that has no rate for sound is not said.
_NOWHERE: Final = frozenset[Endpoint]()
_IMAGES: Final = frozenset({Endpoint.IMAGES})
_SOUND: Final = frozenset({Endpoint.TRANSCRIPTIONS})
_DAY_US: Final = 86_400_000_000
#: Names of models come from requests, so what is remembered of them has an end.
_REMEMBERED: Final = 4096
#: Whose models the simulator plays when several providers list the name.
_PLAYED_FIRST: Final = "openai"
_SIMULATOR: Final = "simulator"

#: Providers whose id in the list is another than ours. Anything else must match exactly: the list's own guesses by
#: substring would price `my-openai-proxy` as OpenAI.
_THEIR_ID: Final = MappingProxyType(
    {
        "azure-ai": "azure",
        "azure-anthropic": "azure",
        "bedrock": "aws",
        "bedrock-mantle": "aws",
        "cloudflare-workers-ai": "cloudflare",
        "gemini": "google",
        "moonshot": "moonshotai",
        "vertex": "google",
        "vertex-anthropic": "google",
        "voyage": "voyageai",
        "xai": "x-ai",
    }
)
#: The other way round; where several of ours are one of theirs, the one that is their maker's own.
_OUR_ID: Final = MappingProxyType(
    {
        "aws": "bedrock",
        "cloudflare": "cloudflare-workers-ai",
        "google": "gemini",
        "moonshotai": "moonshot",
        "voyageai": "voyage",
        "x-ai": "xai",
    }
)


class PriceList(Protocol):
    """Knows prices."""

    def find(self, provider: str, model: str, at_us: int | None = None) -> Price | None:
        """Return the price of `provider`'s `model` at a time in unix microseconds (absent: now).

        None: unknown, which is never the same as free.
        """
        ...


class _Entry(msgspec.Struct, frozen=True):
    """A price and when it holds: from a moment on, or every day between two times."""

    price: Price | None
    since_us: int | None = None
    daily_us: tuple[int, int] | None = None

    def holds(self, at_us: int) -> bool:
        if self.daily_us is None:
            return self.since_us is None or at_us >= self.since_us
        begin, end = self.daily_us
        now = at_us % _DAY_US
        return begin <= now < end if begin <= end else now >= begin or now < end


class GenaiPrices:
    """The peer that reads the `genai-prices` package."""

    def __init__(
        self,
        providers: Sequence["Provider"],
        version: str,
        clock: Callable[[], int] = time.time_ns,
        tiers: TierTable | None = None,
    ) -> None:
        """`clock` returns unix nanoseconds, `tiers` are what service tiers cost; None: those that ship with us."""
        self._providers = providers
        self._version = version
        self._clock = clock
        self._tiers = tiers or TierTable.load()
        self._entries = lru_cache(_REMEMBERED)(self._look_up)

    @classmethod
    def load(cls, clock: Callable[[], int] = time.time_ns) -> Self:
        """Read the bundled data. Takes about a second of CPU: do it once, at start, off the event loop."""
        import genai_prices  # noqa: PLC0415 - a second that `headgate --help` need not wait
        from genai_prices.data import providers  # noqa: PLC0415 - as above

        return cls(providers, f"genai-prices {genai_prices.__version__}", clock)

    def __repr__(self) -> str:
        return f"<GenaiPrices {self._version}, {len(self._providers)} providers>"

    def find(self, provider: str, model: str, at_us: int | None = None) -> Price | None:
        """Return the price of `provider`'s `model` at a time in unix microseconds (absent: now), None if unknown."""
        entries = self._entries(provider, model)
        if len(entries) == 1:  # before its time the first one holds too
            return entries[0].price
        now = self._clock() // 1000 if at_us is None else at_us
        # Later entries take precedence; before all of them the first one holds: the rule of the list.
        held = next((entry for entry in reversed(entries) if entry.holds(now)), next(iter(entries), None))
        return None if held is None else held.price

    @property
    def version(self) -> str:
        """What the prices of this list are stamped with."""
        return self._version

    def listed(self) -> Iterator[tuple[str, str]]:
        """Yield provider and model of all entries, by our names of the providers."""
        for theirs in self._providers:
            for model in theirs.models:
                yield _OUR_ID.get(theirs.id, theirs.id), model.id

    def window(self, provider: str, model: str) -> int | None:
        """Return the context window of `provider`'s `model`, tokens, None if the list does not say."""
        if provider == _SIMULATOR:
            return None
        found = self._found(provider, model)
        return None if found is None else found[1].context_window

    def _found(self, provider: str, model: str) -> "tuple[Provider, ModelInfo] | None":
        for candidate in self._candidates(provider):
            found = candidate.find_model(model, all_providers=list(self._providers))
            if found is not None:
                return candidate, found
        return None

    def _look_up(self, provider: str, model: str) -> tuple[_Entry, ...]:
        found = self._found(provider, model)
        if found is None:
            return ()
        theirs, listed = found
        factors = self._tiers.factors(
            _OUR_ID.get(theirs.id, theirs.id) if provider == _SIMULATOR else provider, listed.id
        )
        return tuple(
            entry
            if entry.price is None
            else msgspec.structs.replace(entry, price=with_factors(entry.price, factors, self._tiers.edition))
            for entry in _entries(listed, self._version, f"{theirs.id}/{listed.id}")
        )

    def _candidates(self, provider: str) -> Iterator["Provider"]:
        if provider == _SIMULATOR:
            return iter(sorted(self._providers, key=lambda theirs: theirs.id != _PLAYED_FIRST))
        wanted = _THEIR_ID.get(provider, provider)
        return (theirs for theirs in self._providers if theirs.id == wanted)


def _entries(model: "ModelInfo", version: str, source: str) -> tuple[_Entry, ...]:
    if isinstance(model.prices, list):
        return tuple(_entry(dated, version, source) for dated in model.prices)
    return (_Entry(_price(model.prices, version, source)),)


def _entry(dated: "ConditionalPrice", version: str, source: str) -> _Entry:
    from genai_prices.types import StartDateConstraint, TimeOfDateConstraint  # noqa: PLC0415 - loaded by now

    price = _price(dated.prices, version, source)
    match dated.constraint:
        case None:
            return _Entry(price)
        case StartDateConstraint(start_date=day):
            moment = dt.datetime.combine(day, dt.time(), dt.UTC)
            return _Entry(price, since_us=round(moment.timestamp()) * 1_000_000)
        case TimeOfDateConstraint(start_time=begin, end_time=end):
            return _Entry(price, daily_us=(_time_us(begin), _time_us(end)))


def _time_us(time_of_day: dt.time) -> int:
    """Return microseconds after midnight UTC; a time without a zone is UTC, as the list says."""
    moment = dt.datetime.combine(dt.date(1970, 1, 2), time_of_day, time_of_day.tzinfo or dt.UTC)
    return round(moment.timestamp() * 1_000_000) % _DAY_US


def _price(listed: "ModelPrice", version: str, source: str) -> Price | None:
    """Return the price, None if the list has none for tokens: an empty entry may mean free or unknown."""
    if listed.input_mtok is None and listed.output_mtok is None:
        return None
    starts = sorted({start for value in vars(listed).values() for start in _starts(value)}, reverse=True)
    tiers = tuple(Tier(start, _rates(listed, start + 1)) for start in starts)
    request = per_thousand_requests(_amount(listed.requests_kcount, 0) or Decimal(0))
    not_for = _NOWHERE if listed.input_audio_mtok is not None else _SOUND
    if getattr(listed, "output_image_mtok", None) is not None:
        not_for |= _IMAGES
    return Price(_rates(listed, 0), version, source, tiers, request, not_for=not_for)


def _starts(value: object) -> Iterator[int]:
    return (tier.start for tier in getattr(value, "tiers", ()))


def _rates(listed: "ModelPrice", input_tokens: int) -> Rates:
    """Return the rates at so many input tokens. A kind of token without a price of its own costs as its parent."""
    input_ = _amount(listed.input_mtok, input_tokens) or Decimal(0)
    output = _amount(listed.output_mtok, input_tokens) or Decimal(0)
    return Rates(
        input=per_million(input_),
        cached=_rate(listed.cache_read_mtok, input_tokens, input_),
        cache_write=_rate(listed.cache_write_mtok, input_tokens, input_),
        output=per_million(output),
        reasoning=_rate(listed.output_reasoning_mtok, input_tokens, output),
        cache_write_1h=_own(listed.cache_write_1h_mtok, input_tokens),
        input_audio=_own(listed.input_audio_mtok, input_tokens),
        cached_audio=_own(listed.cache_audio_read_mtok, input_tokens),
        output_audio=_own(listed.output_audio_mtok, input_tokens),
    )


def _own(value: object, input_tokens: int) -> int | None:
    """Return the rate of a kind that few prices tell apart, None where there is none."""
    amount = _amount(value, input_tokens)
    return None if amount is None else per_million(amount)


def _rate(value: object, input_tokens: int, otherwise: Decimal) -> int:
    amount = _amount(value, input_tokens)
    return per_million(otherwise if amount is None else amount)


def _amount(value: object, input_tokens: int) -> Decimal | None:
    """Return the USD of a listed value, tiered or not; the highest tier below the count of input tokens holds."""
    if value is None or isinstance(value, Decimal):
        return value
    from genai_prices.types import TieredPrices  # noqa: PLC0415 - loaded by now

    if not isinstance(value, TieredPrices):
        raise TypeError(f"expected a Decimal or tiers in the price list, got {value!r}; pin genai-prices")
    reached = [tier.price for tier in value.tiers if input_tokens > tier.start]
    return reached[-1] if reached else value.base
