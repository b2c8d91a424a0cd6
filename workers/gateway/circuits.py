"""Which deployments may be called at the moment, as the gateway needs to know it."""

from typing import Protocol

from ...routing.outcome import Completion, Setback
from ...routing.target import Target


class Circuits(Protocol):
    """Circuit breakers of deployments and pauses of credentials, as far as this worker has heard of them."""

    def opens_in(self, target: Target) -> float:
        """Return seconds until a deployment may be called; 0: now, perhaps to find out whether it is well again."""
        ...

    async def admit(self, target: Target) -> bool:
        """Say whether one more call may go; one that is only asked whether it is well again takes one at a time."""
        ...

    def ended(self, target: Target, result: Completion | Setback, *, alone: bool) -> None:
        """Hear how a call ended; `alone` says that nobody else could be asked."""
        ...


class Closed:
    """The peer without breakers: everybody may always be called."""

    def opens_in(self, target: Target) -> float:  # noqa: ARG002 - the port's name
        """Say now."""
        return 0.0

    async def admit(self, target: Target) -> bool:  # noqa: ARG002 - the port's name
        """Say yes."""
        return True

    def ended(self, target: Target, result: Completion | Setback, *, alone: bool) -> None:
        """Learn nothing."""
