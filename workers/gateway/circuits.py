"""Which deployments may be called at the moment, as the gateway needs to know it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ...routing.health.evidence import CallEnd
from ...routing.target import Target

#: Hears that deployments may be out, or back, and which circuits have closed that were open for failures.
Changed = Callable[[Sequence[str]], object]


class Circuits(Protocol):
    """Circuit breakers of deployments and pauses of credentials, as far as this worker has heard of them.

    `call` is what nothing else is ever called: the id of the attempt's usage event.
    """

    def armed(self, target: Target, chance: float) -> Target:
        """Return the target with one of its credentials, if it has several."""
        ...

    def opens_in(self, target: Target) -> float:
        """Return seconds until a deployment may be called; 0: now, perhaps to find out whether it is well again."""
        ...

    def listen(self, changed: Changed) -> None:
        """Call `changed` from now on whenever a deployment may have become out, or is back."""
        ...

    def is_out(self, target: Target, call: str) -> bool:
        """Say whether a call that might go, and still waits, may not go any more."""
        ...

    async def may_begin(self, target: Target, call: str, seconds: float) -> bool:
        """Say whether one more call may go. After True, `ended` or `not_begun` has to follow."""
        ...

    def not_begun(self, target: Target, call: str) -> None:
        """Hear that a call is not made after all."""
        ...

    def ended(self, target: Target, end: CallEnd) -> None:
        """Hear how a call ended."""
        ...


class Closed:
    """The peer without breakers: everybody may always be called."""

    def armed(self, target: Target, chance: float) -> Target:  # noqa: ARG002 - the port's name
        """Return the target as it is."""
        return target

    def opens_in(self, target: Target) -> float:  # noqa: ARG002 - the port's name
        """Say now."""
        return 0.0

    def listen(self, changed: Changed) -> None:
        """Never call it: nothing changes."""

    def is_out(self, target: Target, call: str) -> bool:  # noqa: ARG002 - the port's names
        """Say no."""
        return False

    async def may_begin(self, target: Target, call: str, seconds: float) -> bool:  # noqa: ARG002 - the port's names
        """Say yes."""
        return True

    def not_begun(self, target: Target, call: str) -> None:
        """Take nothing back."""

    def ended(self, target: Target, end: CallEnd) -> None:
        """Learn nothing."""
