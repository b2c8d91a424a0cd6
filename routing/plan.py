"""From a request to a plan: which deployments may answer it, in which order."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ..schemas.failures import Code, Failure, failure
from ..schemas.request import Request
from .prices import Price
from .target import Plan, RetryPolicy, Target


class PriceFinder(Protocol):
    """The part of a price list that planning needs."""

    def find(self, provider: str, model: str) -> Price | None:
        """Return today's price, None if it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Routes:
    """All that planning knows: the config's models, and templates for models that it does not name."""

    models: Mapping[str, Plan]
    #: Targets by provider whose model is filled in from the request; "" answers any priced model.
    open: Mapping[str, Target]
    policy: RetryPolicy
    allow_unpriced: bool = False


def make_plan(request: Request, routes: Routes, prices: PriceFinder) -> Plan | Failure:
    """Return where the request goes, or why it cannot. Depends on the request's id for chance, so it is repeatable."""
    plan = routes.models.get(request.model) or _open_plan(request.model, routes, prices)
    if plan is None:
        known = ", ".join(sorted(routes.models)) or "a model of the price list"
        return failure(Code.MODEL_NOT_FOUND, expected=f"body.model: {known}", given=request.model)
    targets = tuple(priced(target, prices) for target in plan.targets)
    if not routes.allow_unpriced:
        targets = tuple(target for target in targets if target.price is not None)
    if not targets:
        return failure(Code.UNPRICED, expected="a deployment with a known price", given=request.model)
    return replace(plan, targets=_ordered(targets, request.id))


def priced(target: Target, prices: PriceFinder) -> Target:
    """Give a target today's price, unless the config gave it one: lists change their prices by date and hour."""
    if target.price is not None:
        return target
    return replace(target, price=prices.find(target.provider, target.upstream_model))


def _open_plan(model: str, routes: Routes, prices: PriceFinder) -> Plan | None:
    provider, slash, name = model.partition("/")
    template = routes.open.get(provider) if slash else None
    if template is None:
        template, name = routes.open.get(""), model
    if template is None:
        return None
    if template is routes.open.get("") and prices.find(template.provider, name) is None:
        return None  # the simulator answers whatever has a price; a name without one is a mistake
    return Plan((replace(template, id=f"{template.provider}/{name}", upstream_model=name),), routes.policy)


def _ordered(targets: tuple[Target, ...], chance: str) -> tuple[Target, ...]:
    """Order targets by weighted chance (Efraimidis and Spirakis, 2006: sort by u^(1/w)); weight 0 comes last."""
    if len(targets) == 1:
        return targets
    return tuple(sorted(targets, key=lambda target: _rank(target, chance), reverse=True))


def _rank(target: Target, chance: str) -> float:
    digest = hashlib.blake2b(f"{chance}\0{target.id}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 1) / 2**64
    return float(uniform ** (1 / target.weight)) if target.weight > 0 else -uniform
