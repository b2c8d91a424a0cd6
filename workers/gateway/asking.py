"""One request at the gate: what it wants, and the future that it sleeps on."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ...routing.admission.demand import Demand
from ...routing.admission.step import AtLimit
from ...schemas.request import Request
from .toll import Toll


@dataclass(eq=False, slots=True)
class Ask:
    """What one attempt of a request asks for. Mutable: it is the gate's note of how far the request has come."""

    request: Request
    #: The deployment that it wants.
    deployment: str
    #: Its key's share among keys.
    weight: float
    #: Expected tokens: what it counts for in its key's share.
    cost: int
    toll: Toll
    #: Makes the demand for a moment (budgets have windows), a ticket, and the earliest slot that is of use; unix
    #: microseconds by the store's clock.
    demand: Callable[[int, int | None, int], Demand]
    at_limit: Mapping[str, AtLimit] = field(default_factory=lambda: MappingProxyType({}))
    ticket_us: int | None = None
    #: It takes nothing of anybody, and the claim has written it down already: nobody has to be asked.
    marked: bool = False
    #: Says whether its deployment may not be called any more.
    is_out: Callable[[], bool] = lambda: False
    #: The limit whose queue let it ask again; it has to be told whether that was of use.
    woken_for: str | None = None
    #: Set while it sleeps: True wakes it, False ends it.
    wake: "asyncio.Future[bool] | None" = None

    @property
    def deadline_us(self) -> int:
        """Unix microseconds."""
        return self.request.deadline_ms * 1000

    def wakeup(self, *, ends: bool = False) -> None:
        """Let it ask again, or end its waiting for good."""
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(not ends)
