"""LiteLLM's strategies, retries, cooldowns and fallbacks as the routes of models."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ....schemas.plain import is_list, is_mapping
from ..document import Notes, Place
from .settings import Reliability, Router, Settings

STRATEGIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "simple-shuffle": "weighted",
        "least-busy": "least-busy",
        "latency-based-routing": "lowest-latency",
        "usage-based-routing": "usage-based",
        "usage-based-routing-v2": "usage-based",
        "cost-based-routing": "lowest-cost",
    }
)
#: Said of what stands in both places.
WEAKER: Final = "What stands under router_settings is stronger: this is left out."
_MINUTE: Final = 60
_NEVER: Final = 1_000_000_000
_LONGEST_COOLDOWN: Final = 300.0
_KINDS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class Chains:
    """Who is asked instead of whom."""

    #: By kind, by model.
    told: Mapping[str, Mapping[str, Sequence[str]]]
    default: Sequence[str]

    def of(self, kind: str, names: Sequence[str]) -> list[str]:
        """Return the fallbacks of one kind for a model, by the first of its names that has some; without itself."""
        chains = self.told[kind]
        general = self.default if kind == "fallbacks" else ()
        found = next((chains[name] for name in names if name in chains), chains.get(_ALL, general))
        return [name for name in dict.fromkeys(found) if name not in names]


class Routing:
    """What all routes of a file have in common; `router_settings` are stronger than `litellm_settings`."""

    def __init__(self, router: Router, settings: Settings, notes: Notes) -> None:
        self._router: Final = router
        self._settings: Final = settings
        self._notes: Final = notes

    def __repr__(self) -> str:
        return f"<Routing {self.strategy}>"

    @property
    def strategy(self) -> str:
        """The strategy of all models."""
        said = self._router.routing_strategy
        if said is not None and said not in STRATEGIES:
            told = (
                "Headgate has no strategy of that kind, so requests go by weight; docs/routing.md lists those it has."
            )
            self._notes.add(("router_settings", "routing_strategy"), told)
        return STRATEGIES.get(said or "simple-shuffle", "weighted")

    def route(self, names: Sequence[str], chains: Chains) -> dict[str, object]:
        """Return the route of a model, which may have several names, without what is as it would be anyway."""
        parts: dict[str, object] = {
            "strategy": None if self.strategy == "weighted" else self.strategy,
            "retries": self._said("num_retries"),
            "backoff": self._router.retry_after or None,
            **{kind: chains.of(kind, names) for kind in _KINDS},
            "max_fallbacks": self._said("max_fallbacks"),
            "breaker": self._breaker(),
        }
        backoff = self._router.retry_after or 0
        parts["max_backoff"] = backoff if backoff > _MINUTE else None
        return {name: value for name, value in parts.items() if value not in (None, [], {})}

    def _said(self, name: str) -> object:
        first, second = getattr(self._router, name), getattr(self._settings, name)
        if first is not None and second is not None:
            self._notes.add(("litellm_settings", name), WEAKER)
        return second if first is None else first

    def _breaker(self) -> dict[str, object]:
        if self._router.disable_cooldowns:
            return {"failure_ratio": 1, "minimum": _NEVER}
        fails, cooldown = self._said("allowed_fails"), self._said("cooldown_time")
        breaker: dict[str, object] = {}
        if isinstance(fails, int):
            breaker |= {"minimum": fails + 1, "window": _MINUTE}
        if isinstance(cooldown, float):
            breaker["cooldown"] = cooldown
            breaker |= {"max_cooldown": cooldown} if cooldown > _LONGEST_COOLDOWN else {}
        return breaker

    def chains(self, models: Collection[str]) -> Chains:
        """Read all fallbacks; those that lead to no model of the file are noted."""
        told: dict[str, Mapping[str, Sequence[str]]] = {}
        for kind in _KINDS:
            place, entries = self._place(kind)
            # the first entry for a model counts
            told[kind] = dict(reversed(list(self._chains(place, entries, models))))
        place, names = self._place("default_fallbacks")
        default = [name for nr, name in enumerate(names) if self._is_model(name, (*place, nr), models)]
        return Chains(told, [str(name) for name in default])

    def _place(self, name: str) -> tuple[Place, Sequence[object]]:
        first: Sequence[object] | None = getattr(self._router, name)
        where: Reliability = self._settings if first is None else self._router
        if first is not None and getattr(self._settings, name) is not None:
            self._notes.add(("litellm_settings", name), WEAKER)
        return (where.section, name), getattr(where, name) or ()

    def _chains(
        self, place: Place, entries: Sequence[object], models: Collection[str]
    ) -> Iterator[tuple[str, Sequence[str]]]:
        for nr, entry in enumerate(entries):
            if isinstance(entry, str):
                yield _ALL, [entry] if self._is_model(entry, (*place, nr), models) else []
            elif is_mapping(entry):
                for model, others in entry.items():
                    yield from self._chain((*place, nr, model), model, others, models)
            else:
                self._notes.add((*place, nr), "It is no model with a list of others, and is left out.", entry)

    def _chain(
        self, place: Place, model: str, others: object, models: Collection[str]
    ) -> Iterator[tuple[str, Sequence[str]]]:
        listed = others if is_list(others) else [others]
        known = [str(name) for nr, name in enumerate(listed) if self._is_model(name, (*place, nr), models)]
        if model != _ALL and model not in models:
            self._notes.add(place, "There is no such model in the file, so nothing falls back from it.")
        else:
            yield model, known

    def _is_model(self, name: object, place: Place, models: Collection[str]) -> bool:
        known = isinstance(name, str) and name in models
        if not known:
            self._notes.add(place, "A fallback has to be a model of the file, by its name: this one is left out.", name)
        return known
