"""One deployment of LiteLLM, as it stands under `deployments`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ....schemas.config_routes import Capability
from ...tree.node import PriceFinder
from ..document import REFERENCE, Notes, Place, Written
from ..money import budget, per_million, window, written_out
from ..params import overridable
from ..unpriced import UNPRICED
from .model_list import Entry, Info, Params

_LIMITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rpm": "requests_per_minute",
        "tpm": "tokens_per_minute",
        "itpm": "input_tokens_per_minute",
        "otpm": "output_tokens_per_minute",
        "max_parallel_requests": "parallel",
    }
)
_COSTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input_cost_per_token": "input",
        "output_cost_per_token": "output",
        "cache_read_input_token_cost": "cached",
        "cache_creation_input_token_cost": "cache_write",
    }
)
_ABILITIES: Final[Mapping[str, Capability]] = MappingProxyType(
    {
        "supports_function_calling": "tools",
        "supports_vision": "vision",
        "supports_response_schema": "json_schema",
        "supports_reasoning": "reasoning",
    }
)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment whose provider and model are known."""

    place: Place
    entry: Entry
    params: Params
    info: Info
    provider: str
    #: The id of the provider's row; None: somebody else.
    row: str | None
    model: str

    @property
    def order(self) -> int | None:
        """The order that it says."""
        return self.params.order if self.params.order is not None else self.info.order


class Describer:
    """Writes what stands under `deployments`, but for what depends on the deployments beside it."""

    def __init__(self, notes: Notes, prices: PriceFinder | None, parallel: int | str | None) -> None:
        self._notes: Final = notes
        self._prices: Final = prices
        self._parallel: Final = parallel

    def __repr__(self) -> str:
        return f"<Describer with {self._prices!r}>"

    def described(self, one: Deployed) -> dict[str, object]:
        """Return the entry, without `id`, `weight`, `order` and `tags`."""
        parts: dict[str, object] = {
            "context_window": one.info.max_input_tokens,
            "capabilities": _capabilities(one.info),
            "params": self._params(one),
            "timeout": _number(one.params.timeout),
            "price": self._price(one),
            "limits": self._limits(one),
            "budgets": self._budgets(one),
        }
        said = {name: value for name, value in parts.items() if value not in (None, {}, [])}
        return {"provider": one.provider, "model": one.model, **said}

    def _limits(self, one: Deployed) -> dict[str, object]:
        told = {theirs: _said(one, ours) for ours, theirs in _LIMITS.items()}
        if told["parallel"] is None:
            told["parallel"] = self._parallel
        return {name: _number(value) for name, value in told.items() if value is not None}

    def _budgets(self, one: Deployed) -> list[object]:
        place = (*one.place, "litellm_params", "max_budget")
        return budgets(one.params.max_budget, one.params.budget_duration, place, self._notes)

    def _params(self, one: Deployed) -> dict[str, object]:
        place = (*one.place, "litellm_params")
        told = overridable(one.params.passed_on(), place, self._notes)
        for name in told:
            self._notes.add((*place, name), STRONGER)
        where = (*place, "additional_drop_params")
        dropped = overridable(dict.fromkeys(one.params.additional_drop_params or ()), where, self._notes)
        extra = overridable(one.params.extra_body or {}, (*place, "extra_body"), self._notes)
        return {**told, **extra, **dropped}

    def _price(self, one: Deployed) -> Mapping[str, object] | None:
        costs = {theirs: _first(getattr(one.params, ours), getattr(one.info, ours)) for ours, theirs in _COSTS.items()}
        said = {name: per_million(cost) for name, cost in costs.items() if cost is not None}
        if said:
            return {"input": per_million(0.0), **said}
        return None if self._prices is None else self._listed(one, self._prices)

    def _listed(self, one: Deployed, prices: PriceFinder) -> Mapping[str, object] | None:
        """Return the price of the base model where the list does not know the deployment's own name."""
        if prices.find(one.row or one.provider, one.model) is not None:
            return None
        provider, _, model = (one.info.base_model or "").rpartition("/")
        place = (*one.place, "model_info", "base_model")
        for row in (one.row, provider, "openai") if model else ():
            price = prices.find(row, model) if row else None
            if price is not None:
                self._notes.add(
                    place,
                    "The price of that model is written out as it is today: later changes of the list pass it by.",
                )
                return written_out(price)
        self._notes.add((*one.place, "model_name"), UNPRICED)
        return None


#: Said of parameters that both sides know, with another precedence.
STRONGER: Final = "It is carried over to `params`, which are stronger than what a request says; LiteLLM's are weaker."


def budgets(usd: float | None, duration: str | None, place: Place, notes: Notes) -> list[object]:
    """Return a budget as a list, empty if there is none or it has no counterpart, which is noted."""
    if usd is None:
        return []
    per = window(duration)
    found = None if per is None else budget(usd, per)
    if found is None:
        notes.add(
            place, f"There is no budget of {usd:g} USD for {duration or 'ever'}: give one per hour, day, week or month."
        )
    return [] if found is None else [found]


def _said(one: Deployed, limit: str) -> object:
    """Return a limit from wherever it stands; LiteLLM looks in this order."""
    sections = (one.entry, one.params, one.info)
    return next((found for section in sections if (found := getattr(section, limit, None)) is not None), None)


def _capabilities(info: Info) -> list[str] | None:
    told = {ability: getattr(info, name) for name, ability in _ABILITIES.items()}
    if all(value is None for value in told.values()):
        return None
    return [ability for ability, value in told.items() if value is not False]


def _number(value: object) -> object:
    return Written(value) if isinstance(value, str) and REFERENCE.fullmatch(value) else value


def _first(one: float | None, other: float | None) -> float | None:
    return other if one is None else one
