"""The admission peer that lives in a process: for tests, and the model that the Redis peer is held to."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from ...routing.admission.demand import Correction, Demand
from ...routing.admission.level import asked_anew
from ...routing.admission.verdict import Fenced, Go, Verdict
from .grants import Grants
from .memory_life import Life, window_key
from .memory_store import MemoryStore
from .port import Alert, BookState, BudgetState, Hears, Phase, Posting, Spent, Taken, unheard
from .thresholds import threshold_amount


class MemoryAdmission:
    """One worker's admission. What it is told takes effect at once: nothing is queued."""

    def __init__(self, store: MemoryStore, worker: str = "worker", *, beat_seconds: float = 1.0) -> None:
        self._store = store
        self._worker = worker
        self._beat = beat_seconds
        self._epoch: str | None = None
        self._grants = Grants()
        self._heard: Hears = unheard

    def __repr__(self) -> str:
        return f"<MemoryAdmission {self._worker}, {self._grants!r}>"

    async def run(self) -> None:
        """Say that this worker lives, for ever; when cancelled, that it does not."""
        try:
            while True:
                self.beat()
                await asyncio.sleep(self._beat)
        finally:
            self._store.leave(self._worker)

    def beat(self) -> None:
        """Say that this worker lives; take its grants up if the store has forgotten it."""
        if self._store.is_member(self._worker, self._epoch):
            self._store.beat(self._worker)
        else:
            self._epoch = self._store.join(self._worker, self._grants)

    async def acquire(self, demands: Sequence[Demand]) -> Sequence[Verdict]:
        """Answer each demand, in order."""
        if not self._store.is_member(self._worker, self._epoch):
            self.beat()
        verdicts = [self._answer(demand) for demand in demands]
        if self._store.life.phase is Phase.READY:
            limits = {charge.limit.name: charge.limit for demand in demands for charge in demand.charges}
            levels = [self._store.level(limit) for limit in limits.values() if limit.watched]
            if levels:
                self._heard(levels, asked_anew(demands))
        return verdicts

    def listen(self, heard: Hears) -> None:
        """Tell from now on how full watched limits are."""
        self._heard = heard

    def _answer(self, demand: Demand) -> Verdict:
        verdict, counted_us = self._store.answer(self._worker, demand)
        if isinstance(verdict, Go):
            self._grants.add(demand, verdict.at_us, counted_us)
        elif isinstance(verdict, Fenced):
            self._grants.finish(demand.attempt_id)
        return verdict

    def finish(self, attempt_id: str, corrections: Sequence[Correction]) -> None:
        """Hear that an attempt's call is over."""
        if self._grants.finish(attempt_id):
            self._store.finish(self._worker, attempt_id, corrections)

    def settle(self, attempt_id: str, amounts: Sequence[int]) -> None:
        """Hear that the attempt's usage event is durable."""
        self._grants.settle(attempt_id, amounts)
        self._store.settle(attempt_id, amounts)

    def cancel(self, demand: Demand, ticket_us: int) -> None:
        """Give back a slot that `Wait` reserved."""
        self._store.cancel(demand, ticket_us)


class MemoryBook:
    """The budgets' book of a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<MemoryBook of {self._store!r}>"

    async def state(self) -> BookState:
        """Return where the book stands."""
        life = self._store.life
        if life.phase is Phase.EMPTY:
            return BookState(Phase.EMPTY)
        return BookState(life.phase, life.epoch, dict(life.cursors))

    async def open(
        self, epoch: str, cursors: Mapping[str, str], spent: Sequence[Spent], taken: Sequence[Taken]
    ) -> None:
        """Begin a new life of the store."""
        life = self._store.life = Life(epoch, Phase.REBUILDING, dict(cursors))
        for sum_ in spent:
            life.settled[window_key(sum_.window)] += sum_.amount
        life.peaks.update(life.settled)
        for taking in taken:
            self._store.add(taking.limit, taking.at_us, taking.amount)

    async def apply(
        self,
        epoch: str,
        cursors: Mapping[str, tuple[str | None, str]],
        postings: Sequence[Posting],
        thresholds: Mapping[str, Sequence[float]],
    ) -> Sequence[Alert] | None:
        """Post what one append changed, once."""
        life = self._store.life
        if not cursors:
            raise ValueError("expected a cursor at least, got none: without it nobody knows what was applied")
        if life.epoch != epoch or life.phase is Phase.EMPTY:
            return None
        if all(life.cursors.get(partition) == after for partition, (_, after) in cursors.items()):
            return life.alerts
        if any(life.cursors.get(partition) != before for partition, (before, _) in cursors.items()):
            return None
        life.alerts = _posted(life, postings, thresholds)
        life.cursors.update({partition: after for partition, (_, after) in cursors.items()})
        return life.alerts

    async def ready(self, epoch: str) -> bool:
        """Let workers spend."""
        life = self._store.life
        if life.epoch != epoch or life.phase is Phase.EMPTY:
            return False
        life.phase = Phase.READY
        return True

    async def budgets(self) -> Sequence[BudgetState]:
        """Return all that the store has of budgets."""
        life = self._store.life
        held: Counter[tuple[str, int]] = Counter()
        for one in life.holds.values():
            held.update(one.amounts)
        return [BudgetState(*key, life.settled[key], held[key]) for key in {*life.settled, *held}]


def _posted(life: Life, postings: Sequence[Posting], thresholds: Mapping[str, Sequence[float]]) -> Sequence[Alert]:
    for posting in postings:
        if life.holds.pop(posting.attempt_id, None) is None and posting.amounts:
            life.ended.add(posting.attempt_id)
        for spent in posting.amounts:
            life.settled[window_key(spent.window)] += spent.amount
    windows = {window_key(spent.window): spent.window for posting in postings for spent in posting.amounts}
    alerts: list[Alert] = []
    for key, window in windows.items():
        settled, peak = life.settled[key], life.peaks[key]
        alerts += (
            Alert(window, threshold, settled)
            for threshold in thresholds.get(window.name, ())
            if peak < threshold_amount(window.limit, threshold) <= settled
        )
        life.peaks[key] = max(peak, settled)
    return alerts
