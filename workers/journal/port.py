"""What the gateway needs of a journal: to know, before it spends, whether a dead worker may have spent already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .claims import Run as Run  # noqa: PLC0414 - re-exported


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is about to begin, and the runs of the same request before it that are not known to have ended."""

    request_id: str
    run: Run
    #: Oldest first. More than one when workers died one after the other, none having committed what it knew.
    interrupted: tuple[Run, ...] = ()


class Journal(Protocol):
    """Runs that have begun and are not known to have ended. Losing it costs `uncertain` events, nothing else."""

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Write down that these runs begin, in one round trip; return them with `interrupted` filled in."""
        ...

    async def attempt(self, request_id: str, run: Run) -> None:
        """Write down that a further attempt of `run` begins; without effect if another worker has claimed it since."""
        ...

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Forget requests whose end is committed on the bus, unless another worker has claimed them since."""
        ...
