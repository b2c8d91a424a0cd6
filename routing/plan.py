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
    if routes.allow_unpriced:
        return _ordered(plan, request.id)
    priced = tuple(target for target in plan.targets if target.price is not None)
    if not priced:
        return failure(Code.UNPRICED, expected="a deployment with a known price", given=request.model)
    return _ordered(replace(plan, targets=priced) if len(priced) < len(plan.targets) else plan, request.id)


def _open_plan(model: str, routes: Routes, prices: PriceFinder) -> Plan | None:
    provider, slash, name = model.partition("/")
    template = routes.open.get(provider) if slash else None
    if template is None:
        template, name = routes.open.get(""), model
    if template is None:
        return None
    price = prices.find(template.provider, name)
    if price is None and template is routes.open.get(""):
        return None  # the simulator answers whatever has a price; a name without one is a mistake
    target = replace(template, id=f"{template.provider}/{name}", upstream_model=name, price=price)
    return Plan((target,), routes.policy)


def _ordered(plan: Plan, chance: str) -> Plan:
    """Order targets by weighted chance (Efraimidis and Spirakis, 2006: sort by u^(1/w)); weight 0 comes last."""
    if len(plan.targets) == 1:
        return plan
    return replace(plan, targets=tuple(sorted(plan.targets, key=lambda t: _rank(t, chance), reverse=True)))


def _rank(target: Target, chance: str) -> float:
    digest = hashlib.blake2b(f"{chance}\0{target.id}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 1) / 2**64
    return float(uniform ** (1 / target.weight)) if target.weight > 0 else -uniform
