"""What is written down of an attempt before it is made, and what that tells when nobody hears of its end; pure."""

from typing import Final

from ...routing.dearest import Dearest
from ...routing.flex import asked_tier
from ...routing.service import Service
from ...routing.target import Target
from ...routing.twins import calls_at
from ...schemas.request import Request
from ..journal.claims import Begun

#: One choice a call, as many calls as choices.
_SPREADS: Final = Service(fan_out_over=1)


def begun_at(request: Request, target: Target) -> Begun:
    """Return what is written down of an attempt."""
    price = target.price
    return Begun(
        target.id,
        target.provider,
        target.upstream_model,
        calls_at(request, target),
        None if price is None else Dearest.of(price, target.tier or asked_tier(request, target)),
    )


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
