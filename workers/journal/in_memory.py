"""The journal peer that lives in a process: for tests, and for embedding without a store."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from ...routing.admission.demand import Mark
from .claims import Answer, Answered, Claim, Claimed, Keeping, Mine, Reused, Run, Taken
from .entries import beginning_of, decode_run, encode_run, interrupted_in

#: Ends the list of a request that was taken over once, so that its former worker finds it closed.
_SEAL = b""

#: How often a worker that counts as dead looks whether it lives again, seconds.
_PAUSE = 0.01


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Kept:
    """An answer that is stored."""

    answer: Answer
    run_id: str
    fingerprint: bytes
    at_ms: int
    committed: bool = False


@dataclass(slots=True)
class MemoryStore:
    """What the journals of one process share, as workers share a server."""

    #: Whether a worker is heard of. By default everybody lives for ever.
    lives: Callable[[str], bool] = lambda _: True
    now_ms: Callable[[], int] = _now_ms
    #: Runs by the key of their request, as `Mark` names it.
    runs: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    answers: dict[str, _Kept] = field(default_factory=dict[str, _Kept])
    #: Ids of committed answers and when those were stored, oldest first.
    kept: deque[tuple[str, int]] = field(default_factory=deque[tuple[str, int]])

    def write(self, mark: Mark) -> bool:
        """Write a mark down as admission does: False if another worker has taken the request over."""
        runs = self.runs.setdefault(mark.key, [])
        if runs and not runs[-1].startswith(mark.beginning):
            return False
        runs[-1:] = [mark.value]
        return True

    def lose(self) -> None:
        """Forget everything, as a server does that lost its data."""
        self.runs.clear()
        self.answers.clear()
        self.kept.clear()


class MemoryJournal:
    """One worker's hands on a store; without one, on a store of its own. Sizes count replies only, uncompressed."""

    def __init__(self, owner: str = "me", store: MemoryStore | None = None, keeping: Keeping | None = None) -> None:
        self.store = store or MemoryStore()
        self._owner = owner
        self._keeping = keeping or Keeping()

    def __repr__(self) -> str:
        return f"<MemoryJournal of {self._owner}: {len(self.store.runs)} runs, {len(self.store.answers)} answers>"

    async def known(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Return those that somebody has begun, or that were answered."""
        return frozenset(each for each in request_ids if self.store.runs.get(each) or self._current(each))

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        """Answer each claim, in order."""
        while not self.store.lives(self._owner):  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(_PAUSE)
        return [self._claim(claim) for claim in claims]

    def _claim(self, claim: Claim) -> Claimed:
        kept = self._current(claim.request_id)
        if kept is not None:
            same_place = kept.answer.place == claim.place
            return Answered(kept.answer, same_place) if kept.fingerprint == claim.fingerprint else Reused()
        runs = self.store.runs.setdefault(claim.request_id, [])
        last = decode_run(runs[-1]) if runs else None
        if last is not None and last.fingerprint != claim.fingerprint.hex():
            return Reused()
        if last is not None and self.store.lives(last.owner):
            return Taken(last.owner == self._owner)
        interrupted = interrupted_in(runs)
        runs.append(encode_run(claim.run, self._owner, claim.fingerprint))
        return Mine(interrupted)

    def mark(self, claim: Claim, run: Run) -> Mark:
        """Return what is to be written down before another attempt begins."""
        return Mark(claim.request_id, encode_run(run, self._owner, claim.fingerprint), beginning_of(run.id))

    async def answer(self, answers: Sequence[tuple[Claim, Answer]]) -> Sequence[bool]:
        """Store answers before they are published."""
        return [self._answer(claim, answer) for claim, answer in answers]

    def _answer(self, claim: Claim, answer: Answer) -> bool:
        kept = self._current(claim.request_id)
        if kept is not None:
            return kept.run_id == claim.run.id
        if self.store.runs.get(claim.request_id) and not self._is_last(claim):
            return False
        self.store.answers[claim.request_id] = _Kept(answer, claim.run.id, claim.fingerprint, self.store.now_ms())
        return True

    async def committed(self, claims: Sequence[Claim]) -> None:
        """Hear that replies and usage are durable."""
        for claim in claims:
            self._commit(claim)
        while self.store.kept and self._is_over(self.store.kept[0][1]):
            request_id, at_ms = self.store.kept.popleft()
            kept = self.store.answers.get(request_id)
            if kept is not None and kept.at_ms == at_ms:
                del self.store.answers[request_id]

    def _commit(self, claim: Claim) -> None:
        kept = self.store.answers.get(claim.request_id)
        if kept is None or kept.committed:
            self._forget(claim)
        elif kept.answer.place == claim.place:
            kept.answer, kept.committed = msgspec.structs.replace(kept.answer, usage=()), True
            self.store.kept.append((claim.request_id, kept.at_ms))
            self._seal(claim.request_id)

    async def release(self, claims: Sequence[Claim]) -> None:
        """Hear that these are not run after all."""
        for claim in claims:
            self._forget(claim)

    def _forget(self, claim: Claim) -> None:
        if self._is_last(claim):
            self._seal(claim.request_id)

    def _seal(self, request_id: str) -> None:
        """Forget a request's runs; if one was taken over, nobody but who claims anew may write here again."""
        runs = self.store.runs.pop(request_id, [])
        if len(runs) > 1:
            self.store.runs[request_id] = [_SEAL]

    def _is_last(self, claim: Claim) -> bool:
        runs = self.store.runs.get(claim.request_id)
        return runs is not None and runs[-1].startswith(beginning_of(claim.run.id))

    def _current(self, request_id: str) -> _Kept | None:
        """Return the answer, unless its time is over."""
        kept = self.store.answers.get(request_id)
        return None if kept is None or (kept.committed and self._is_old(kept.at_ms)) else kept

    def _is_over(self, at_ms: int) -> bool:
        room = self._keeping.keep_answers_bytes
        return self._is_old(at_ms) or sum(len(kept.answer.reply) for kept in self.store.answers.values()) > room

    def _is_old(self, at_ms: int) -> bool:
        return self.store.now_ms() - at_ms > self._keeping.keep_answers * 1000

    @property
    def runs(self) -> dict[str, tuple[Run, ...]]:
        """What is remembered, by request id, oldest first."""
        found = {request_id: [decode_run(raw) for raw in raws] for request_id, raws in self.store.runs.items()}
        return {key: tuple(held.run for held in runs if held) for key, runs in found.items() if any(runs)}
