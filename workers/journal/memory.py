"""The journal peer that lives in a process: for tests, and for embedding without a store."""

from collections.abc import Sequence
from dataclasses import replace

from .port import Claim, Run


class MemoryJournal:
    """Remembers runs as long as it lives."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[Run, ...]] = {}

    def __repr__(self) -> str:
        return f"<MemoryJournal {len(self._runs)} requests>"

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Write down that these runs begin."""
        return [self._claimed(claim) for claim in claims]

    def _claimed(self, claim: Claim) -> Claim:
        former = self._runs.get(claim.request_id, ())
        self._runs[claim.request_id] = (*former, claim.run)
        return replace(claim, interrupted=former)

    async def attempt(self, request_id: str, run: Run) -> None:
        """Write down that a further attempt begins."""
        held = self._runs.get(request_id, (run,))
        if held[-1].id == run.id:
            self._runs[request_id] = (*held[:-1], run)

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Forget requests that are over."""
        for claim in claims:
            held = self._runs.get(claim.request_id)
            if held is not None and held[-1].id == claim.run.id:
                del self._runs[claim.request_id]

    @property
    def runs(self) -> dict[str, tuple[Run, ...]]:
        """What is remembered, by request id, oldest first."""
        return dict(self._runs)
