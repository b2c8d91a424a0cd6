"""What is written down of an attempt before it is made, and what that tells when nobody hears of its end; pure."""

from typing import Final

from ...routing.dearest import Dearest
from ...routing.flex import asked_tier
from ...routing.prices import Price
from ...routing.service import Service
from ...routing.target import Target
from ...routing.twins import calls_at
from ...schemas.request import Request
from ..journal.claims import Begun

#: One choice a call, as many calls as choices.
_SPREADS: Final = Service(fan_out_over=1)
_REMEMBERED: Final = 1_000


class Notebook:
    """Writes attempts down before they are made. What a price comes to is remembered: it holds for months."""

    def __init__(self) -> None:
        self._dearest: dict[tuple[str, str | None], tuple[Price, Dearest]] = {}

    def __repr__(self) -> str:
        return f"<Notebook of {len(self._dearest)} prices>"

    def begun(self, request: Request, target: Target) -> Begun:
        """Return what is written down of an attempt."""
        calls = calls_at(request, target)
        return Begun(target.id, target.provider, target.upstream_model, calls, self._price(request, target))

    def _price(self, request: Request, target: Target) -> Dearest | None:
        price = target.price
        if price is None:
            return None
        tier = target.tier or asked_tier(request, target)
        known = self._dearest.get((target.id, tier))
        if known is not None and known[0] is price:
            return known[1]
        if len(self._dearest) >= _REMEMBERED:  # tiers are whatever requests ask for
            self._dearest.clear()
        dearest = Dearest.of(price, tier)
        self._dearest[target.id, tier] = price, dearest
        return dearest


def target_of(begun: Begun) -> Target:
    """Return a deployment that the config does not have any more, as far as the books need it: nobody can call it."""
    return Target(
        begun.deployment,
        begun.provider,
        begun.upstream_model,
        wire="openai",
        base_url="",
        timeout=0.0,
        price=None if begun.price is None else begun.price.price(),
        service=_SPREADS if begun.calls > 1 else Service(),
    )
