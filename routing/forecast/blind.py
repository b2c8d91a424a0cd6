"""What a replay cannot know, because the ledger keeps no bodies and no moments: by model, from the config."""

import enum
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from ...schemas.conditions import All, Comparison, Condition, Not, Some, condition_of
from ...schemas.config import Config, Model
from ...schemas.config_routes import Branching, Node, Strategy
from ..plan import Routes


class Blind(enum.StrEnum):
    """Something that is not known."""

    #: A condition or a sticky route looks at the body, and found it empty.
    BODY = "body"
    #: Some deployments cannot do everything, and nobody knows what was needed.
    CAPABILITIES = "capabilities"
    #: A strategy looks at calls under way, speed, or what is left of limits.
    MOMENT = "moment"
    #: It was never answered: what an answer takes and costs is unknown, and counted as nothing.
    TOKENS = "tokens"
    #: It was refused for what it said itself, which no config changes; it is refused again, unseen.
    REFUSAL = "refusal"


_MOMENTARY: frozenset[Strategy] = frozenset({"least-busy", "lowest-latency", "usage-based"})


def blind_spots(config: Config, routes: Routes) -> Mapping[str, frozenset[Blind]]:
    """Return what of each model's route cannot be replayed as it would be decided."""
    models = {model.name: model for model in config.models}
    return {name: frozenset(_of_model(model, models, routes)) for name, model in models.items()}


def _of_model(model: Model, models: Mapping[str, Model], routes: Routes) -> Iterator[Blind]:
    if routes.models[model.name].tree.lacks:
        yield Blind.CAPABILITIES
    yield from _of_route(model, models)


def _of_route(model: Model, models: Mapping[str, Model]) -> Iterator[Blind]:
    route = model.route
    several = len(route.targets or model.deployments) > 1
    yield from _of_branch(route, route.strategy if several else "single", route.targets, models)


def _of_branch(
    says: Branching, strategy: Strategy, nodes: Sequence[Node], models: Mapping[str, Model]
) -> Iterator[Blind]:
    if strategy in _MOMENTARY:
        yield Blind.MOMENT
    if any(map(_is_of_body, says.sticky_on)) or any(_looks_at_body(choice.when) for choice in says.conditions):
        yield Blind.BODY
    for node in nodes:
        if node.when is not None and _looks_at_body(node.when):
            yield Blind.BODY
        if node.model is not None:
            yield from _of_route(models[node.model], models)
        elif node.targets:
            yield from _of_branch(node, node.strategy, node.targets, models)


def _looks_at_body(when: Mapping[str, JsonValue]) -> bool:
    return any(map(_is_of_body, _paths(condition_of(when))))


def _paths(condition: Condition) -> Iterator[str]:
    match condition:
        case Comparison():
            yield condition.path
        case Not():
            yield from _paths(condition.part)
        case All() | Some():
            for part in condition.parts:
                yield from _paths(part)


def _is_of_body(path: str) -> bool:
    return path.startswith("params.") or path in {"input_tokens", "input_bytes"}
