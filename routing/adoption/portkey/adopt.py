"""From a Portkey config to Headgate's parts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ....schemas.plain import is_list, is_mapping
from ...providers.catalogue import Row
from ...tree.node import PriceFinder
from ..accounts import Accounts
from ..document import Adopted, Notes, Place
from ..section import in_snake_case, read
from ..variables import Variables
from .deployments import Deployments
from .format import CircuitBreaker
from .tree import Grower, Grown, Inherited, Twig
from .who import Caller

_USUAL: Final = "default"
_MILLISECONDS: Final = 1000
_LONGEST_COOLDOWN: Final = 300.0
_MOST_FALLBACKS: Final = 5
_MOST_RETRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Targets take the model from the request, and nobody has said which models requests ask for."""

    places: tuple[Place, ...]


def adopted(
    data: object,
    rows: Mapping[str, Row],
    models: Sequence[str] = (),
    slugs: Mapping[str, str] | None = None,
    prices: PriceFinder | None = None,
) -> Adopted | Unnamed:
    """Translate a Portkey config: one tree for each of the `models` that requests ask for.

    `slugs` says whose credentials Portkey keeps under which names. With `prices`, deployments without a known price are
    noted.
    """
    named = list(dict.fromkeys(models or _asked_for(data)))
    nameless = () if named else tuple(_nameless(data, (), model=False))
    if nameless:
        return Unnamed(nameless)
    return _Adoption(data, rows, slugs or {}, prices).adopted(named)


def _asked_for(value: object) -> Iterator[str]:
    """Yield the models that conditions know requests by."""
    if is_mapping(value):
        for name, inner in value.items():
            if name == "params.model":
                yield from _texts(inner)
            yield from _asked_for(inner)
    elif is_list(value):
        for inner in value:
            yield from _asked_for(inner)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_list(value):
        yield from (each for each in value if isinstance(each, str))
    elif is_mapping(value):
        yield from (text for name in ("$eq", "$in") for text in _texts(value.get(name)))


def _nameless(data: object, place: Place, *, model: bool) -> Iterator[Place]:
    """Yield the targets that say no model."""
    if not is_mapping(data):
        return
    params = data.get("override_params", data.get("overrideParams"))
    told = model or (is_mapping(params) and isinstance(params.get("model"), str)) or bool(_DEPLOYMENTS & data.keys())
    below = data.get("targets")
    if is_list(below):
        for nr, inner in enumerate(below):
            yield from _nameless(inner, (*place, "targets", nr), model=told)
    elif not told:
        yield place


_DEPLOYMENTS: Final = frozenset(
    (
        "deployment_id",
        "deploymentId",
        "azure_deployment_id",
        "azureDeploymentId",
        "azure_deployment_name",
        "azureDeploymentName",
    )
)


class _Adoption:
    """One import."""

    def __init__(
        self, data: object, rows: Mapping[str, Row], slugs: Mapping[str, str], prices: PriceFinder | None
    ) -> None:
        self.data: Final = data
        self.notes: Final = Notes()
        self.accounts: Final = Accounts(rows)
        self.deployments: Final = Deployments(self.notes, prices)
        self.caller: Final = Caller(rows, slugs, Variables(data, self.notes), self.notes)

    def adopted(self, named: Sequence[str]) -> Adopted:
        """Do all of it."""
        if not named:
            told = f"Requests have to ask for a model: it is called {_USUAL}, or as `--model NAME` says."
            self.notes.add((), told)
        models = [model for name in named or (_USUAL,) for model in self._models(name, named)]
        if not models:
            self.notes.add((), "Nothing of it leads to a provider that Headgate calls, so that there is no model.")
        parts: dict[str, object] = {"providers": self.accounts.document({}, {}), "models": models}
        return Adopted({name: part for name, part in parts.items() if part}, self.notes.all)

    def _models(self, name: str, named: Sequence[str]) -> Iterator[dict[str, object]]:
        grower = Grower(name, self.caller, self.accounts, self.deployments, self.notes)
        root = grower.read(self.data, (), Inherited())
        if root.strategy.mode == "fallback" and root.strategy.on_status_codes is not None and root.children:
            yield from self._by_status(name, named, grower, root)
            return
        twig = grower.branch(root, nested=False)
        if twig is not None:
            yield self._model(name, twig, {"retries": min(twig.attempts - 1, _MOST_RETRIES), **self._breaker(root)})

    def _by_status(self, name: str, named: Sequence[str], grower: Grower, root: Grown) -> Iterator[dict[str, object]]:
        """Yield a model for each target: those after the first are asked by the statuses that are named."""
        grown = [grower.grow(data, place, root.inherited) for place, data in root.children]
        twigs = [twig for twig in grown if twig is not None]
        if not twigs:
            return
        others = [_free(f"{name}-{nr}", named) for nr in range(2, len(twigs) + 1)]
        codes = dict.fromkeys(map(str, root.strategy.on_status_codes or ()))
        rest: dict[str, object] = {"retries": min(twigs[0].attempts - 1, _MOST_RETRIES)}
        if others and codes:
            rest["status_fallbacks"] = {code: list(others) for code in codes}
            rest |= {"max_fallbacks": len(others)} if len(others) > _MOST_FALLBACKS else {}
        breaker = self._breaker(root)
        models = [(name, twigs[0], {**rest, **breaker})]
        models += [
            (other, twig, {"retries": twig.attempts - 1, **breaker})
            for other, twig in zip(others, twigs[1:], strict=True)
        ]
        made = self.deployments.taken_out()
        for model, twig, more in models:
            yield self._model(model, twig, more, made)
            made = []

    def _model(
        self, name: str, twig: Twig, more: Mapping[str, object], made: list[dict[str, object]] | None = None
    ) -> dict[str, object]:
        deployments = self.deployments.taken_out() if made is None else made
        node = {key: value for key, value in twig.node.items() if key not in ("name", "weight")}
        tree = node if "targets" in node else {"strategy": "single", "targets": [node]}
        return {"name": name, **({"deployments": deployments} if deployments else {}), "route": {**tree, **more}}

    def _breaker(self, root: Grown) -> dict[str, object]:
        place = ("strategy", "cb_config")
        told = read(CircuitBreaker, in_snake_case(CircuitBreaker, root.strategy.cb_config), place, self.notes)
        breaker: dict[str, object] = {}
        if told.failure_threshold_percentage is not None:
            breaker["failure_ratio"] = told.failure_threshold_percentage / 100
        if told.minimum_requests is not None:
            breaker["minimum"] = told.minimum_requests
        if told.cooldown_interval is not None:
            cooldown = told.cooldown_interval / _MILLISECONDS
            breaker |= {"cooldown": cooldown} | ({"max_cooldown": cooldown} if cooldown > _LONGEST_COOLDOWN else {})
        return {"breaker": breaker} if breaker else {}


def _free(wanted: str, taken: Sequence[str]) -> str:
    return wanted if wanted not in taken else _free(f"{wanted}'", taken)
