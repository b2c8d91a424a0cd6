"""The journal peer that lives in a process: for tests, and for embedding without a store."""

from collections.abc import Sequence
from dataclasses import replace

from .port import Claim, Run


class MemoryJournal:
    """Remembers runs as long as it lives."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def __repr__(self) -> str:
        return f"<MemoryJournal {len(self._runs)} runs>"

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Write down that these runs begin."""
        return [self._claimed(claim) for claim in claims]

    def _claimed(self, claim: Claim) -> Claim:
        interrupted = self._runs.get(claim.request_id)
        self._runs[claim.request_id] = claim.run
        return replace(claim, interrupted=interrupted)

    async def attempt(self, request_id: str, run: Run) -> None:
        """Write down that a further attempt begins."""
        held = self._runs.get(request_id)
        if held is None or held.id == run.id:
            self._runs[request_id] = run

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Forget runs that are over."""
        for claim in claims:
            held = self._runs.get(claim.request_id)
            if held is not None and held.id == claim.run.id:
                del self._runs[claim.request_id]

    @property
    def runs(self) -> dict[str, Run]:
        """What is remembered, by request id."""
        return dict(self._runs)
