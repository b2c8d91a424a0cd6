"""Portkey's tree of targets as the tree of a route."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from ....schemas.conditions import is_path
from ..accounts import Accounts
from ..document import Notes, Place
from ..params import overridable
from ..section import in_snake_case, items, read
from .conditions import condition
from .deployments import Deployments
from .format import Choice, Retry, Sticky, Strategy, Target
from .who import Caller

_MODES: Final = ("single", "fallback", "loadbalance", "conditional")
_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Inherited:
    """What targets have from those around them, unless they say it themselves."""

    params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    attempts: int = 1
    #: Milliseconds.
    timeout: float | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Twig:
    """A node of the tree, and the attempts that the longest way through it takes."""

    node: Mapping[str, object]
    attempts: int


@dataclass(frozen=True, slots=True)
class Grown:
    """A target, read, with what it has from above."""

    place: Place
    target: Target
    strategy: Strategy
    inherited: Inherited
    children: Sequence[tuple[Place, object]]


class Grower:
    """Grows the tree for one model that requests ask for."""

    def __init__(self, model: str, caller: Caller, accounts: Accounts, deployments: Deployments, notes: Notes) -> None:
        self._model: Final = model
        self._caller: Final = caller
        self._accounts: Final = accounts
        self._deployments: Final = deployments
        self._notes: Final = notes

    def __repr__(self) -> str:
        return f"<Grower for {self._model}>"

    def read(self, data: object, place: Place, above: Inherited) -> Grown:
        """Read one target."""
        target = read(Target, in_snake_case(Target, data), place, self._notes)
        retry = read(Retry, in_snake_case(Retry, target.retry), (*place, "retry"), self._notes)
        strategy = read(Strategy, in_snake_case(Strategy, target.strategy), (*place, "strategy"), self._notes)
        inherited = Inherited(
            {**above.params, **(target.override_params or {})},
            above.attempts if target.retry is None else 1 + (retry.attempts or 0),
            target.request_timeout or above.timeout,
            target.custom_host or above.host,
        )
        return Grown(place, target, strategy, inherited, items(target.targets, (*place, "targets"), self._notes))

    def grow(self, data: object, place: Place, above: Inherited) -> Twig | None:
        """Grow a target and all below it; None if nothing of it can be called."""
        return self.branch(self.read(data, place, above), nested=True)

    def branch(self, grown: Grown, *, nested: bool) -> Twig | None:
        """Grow what was read."""
        if not grown.children and grown.target.strategy is None:
            return self._leaf(grown)
        if nested and grown.strategy.on_status_codes is not None:
            told = "Statuses decide at the top only; here what went wrong decides whether the next target is asked."
            self._notes.add((*grown.place, "strategy", "on_status_codes"), told)
        if nested and grown.strategy.cb_config is not None:
            told = "Circuits are a model's: `breaker` of its route."
            self._notes.add((*grown.place, "strategy", "cb_config"), told, grown.strategy.cb_config)
        twig = self._chosen(grown)
        if twig is None:
            self._notes.add(
                (*grown.place, "targets"), "None of the targets can be called, so that this one is left out."
            )
        return twig

    def _chosen(self, grown: Grown) -> Twig | None:
        match self._mode(grown):
            case "fallback":
                return self._fallback(grown)
            case "loadbalance":
                return self._loadbalance(grown)
            case "conditional":
                return self._conditional(grown)
            case _:
                return self._single(grown)

    def _mode(self, grown: Grown) -> str:
        mode = grown.strategy.mode
        if mode in _MODES:
            return mode
        told = (
            "Headgate has no strategy of that kind: the targets are asked in their order."
            if mode
            else "Without a mode only the first target counts."
        )
        self._notes.add((*grown.place, "strategy", "mode"), told)
        return "fallback" if mode else "single"

    def _single(self, grown: Grown) -> Twig | None:
        for place, other in grown.children[1:]:
            self._notes.add(place, "Only the first target counts with the mode single: it is left out.", other)
        twigs = self._twigs(grown, grown.children[:1])
        return Twig({"strategy": "single", "targets": [twigs[0].node]}, twigs[0].attempts) if twigs else None

    def _fallback(self, grown: Grown) -> Twig | None:
        twigs = self._twigs(grown, grown.children)
        nodes = [_without(twig.node, "weight") for twig in twigs]
        return Twig({"strategy": "fallback", "targets": nodes}, sum(twig.attempts for twig in twigs)) if twigs else None

    def _loadbalance(self, grown: Grown) -> Twig | None:
        twigs = self._twigs(grown, grown.children)
        if not twigs:
            return None
        nodes = [twig.node for twig in twigs]
        if not any(node.get("weight", 1) for node in nodes):
            self._notes.add((*grown.place, "targets"), "No weight is above 0, so that all of them count as 1.")
            nodes = [_without(node, "weight") for node in nodes]
        sticky = self._sticky(grown)
        strategy = {"strategy": "sticky", "sticky_on": sticky} if sticky else {"strategy": "weighted"}
        return Twig({**strategy, "targets": nodes}, max(twig.attempts for twig in twigs))

    def _sticky(self, grown: Grown) -> list[str]:
        place = (*grown.place, "strategy", "sticky_session")
        told = read(Sticky, in_snake_case(Sticky, grown.strategy.sticky_session), place, self._notes)
        fields = told.hash_fields or []
        for name in fields:
            if not is_path(name):
                self._notes.add((*place, "hash_fields"), f"Requests can stick to metadata and params, not to {name!r}.")
        return [name for name in fields if is_path(name)]

    def _conditional(self, grown: Grown) -> Twig | None:
        twigs = self._named(grown)
        names = [str(twig.node["name"]) for twig in twigs]
        choices = list(self._choices(grown, names))
        default = grown.strategy.default
        if default is not None and default not in names:
            self._notes.add(
                (*grown.place, "strategy", "default"), "No target has that name: such requests are refused."
            )
            default = None
        if not choices:
            alone = next((twig for twig in twigs if twig.node["name"] == default), None)
            return None if alone is None else Twig({"strategy": "single", "targets": [alone.node]}, alone.attempts)
        node: dict[str, object] = {"strategy": "conditional", "conditions": choices}
        node |= {} if default is None else {"default": default}
        return Twig({**node, "targets": [twig.node for twig in twigs]}, max(twig.attempts for twig in twigs))

    def _named(self, grown: Grown) -> list[Twig]:
        """Return the targets that have a name of their own; nothing leads to the others."""
        named: dict[str, Twig] = {}
        for place, data in grown.children:
            one = self.read(data, place, grown.inherited)
            if one.target.name is None or one.target.name in named:
                self._notes.add(
                    (*place, "name"), "No condition leads to a target without a name of its own: it is left out."
                )
                continue
            twig = self.branch(one, nested=True)
            if twig is not None:
                named[one.target.name] = replace(twig, node={"name": one.target.name, **_without(twig.node, "weight")})
        return list(named.values())

    def _choices(self, grown: Grown, names: Sequence[str]) -> Iterator[Mapping[str, object]]:
        above = (*grown.place, "strategy", "conditions")
        for place, entry in items(grown.strategy.conditions, above, self._notes):
            choice = read(Choice, entry, place, self._notes)
            when = condition(choice.query or {}, (*place, "query"), self._notes)
            if choice.then not in names:
                self._notes.add(
                    (*place, "then"), "No target that can be called has that name: the condition is left out."
                )
            elif when is not None:
                yield {"when": when, "then": choice.then}

    def _twigs(self, grown: Grown, children: Sequence[tuple[Place, object]]) -> list[Twig]:
        twigs: list[Twig] = []
        for place, data in children:
            one = self.read(data, place, grown.inherited)
            twig = self.branch(one, nested=True)
            if twig is not None:
                weight = one.target.weight
                own = {} if weight in (None, 1) else {"weight": _short(weight or 0.0)}
                twigs.append(replace(twig, node={**twig.node, **own}))
        return twigs

    def _leaf(self, grown: Grown) -> Twig | None:
        params, target = grown.inherited.params, grown.target
        account = self._caller.whom(target, params, grown.inherited.host, grown.place)
        if account is None:
            return None
        model = self._caller.model_of(target, params) or self._model
        rest = {name: value for name, value in params.items() if name != "model"}
        timeout = grown.inherited.timeout
        id_ = self._deployments.id_of(
            self._accounts.name_of(account, self._caller.slug_of(target, params)),
            account.row,
            model,
            overridable(rest, (*grown.place, "override_params"), self._notes),
            None if timeout is None else timeout / _MILLISECONDS,
            grown.place,
        )
        return Twig({"deployment": id_}, grown.inherited.attempts)


def _without(node: Mapping[str, object], name: str) -> Mapping[str, object]:
    return {key: value for key, value in node.items() if key != name}


def _short(number: float) -> float:
    return int(number) if number.is_integer() else number
