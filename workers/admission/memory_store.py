"""The reference model of the store: slow, obvious, and what the scripts of the Redis peer are held to."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ...routing.admission.calendar import (
    LIVES,
    Slots,
    earliest,
    fits,
    fullest,
    grace_us,
    out_of_reach,
    slot_at,
    slot_length,
    ticket_at,
)
from ...routing.admission.demand import Charge, Correction, Demand, RateLimit
from ...routing.admission.level import Level
from ...routing.admission.outright import never, stale
from ...routing.admission.verdict import Busy, Exhausted, Fenced, Go, Late, NotReady, Verdict, Wait
from .grants import Grant
from .memory_life import Call, Held, Life, Member, WindowKey, window_key
from .port import Phase


class MemoryStore:
    """One store, shared by the peers of a process.

    `now_us` is its clock. `runs` is the journal of the same store, key → entries, oldest first: with it a demand's
    mark is written and looked at, without it marks mean nothing.
    """

    def __init__(
        self, now_us: Callable[[], int], *, runs: dict[str, list[bytes]] | None = None, dead_after: float = 10.0
    ) -> None:
        self.now_us = now_us
        self.runs = runs
        self._dead_after_us = int(dead_after * 1e6)
        self.life = Life()
        self.members: dict[str, Member] = {}

    def __repr__(self) -> str:
        return f"<MemoryStore {self.life.phase.value}, {len(self.members)} workers, {len(self.life.holds)} holds>"

    def lose(self) -> None:
        """Forget everything, as a store does that is flushed."""
        self.life = Life()
        self.members = {}
        if self.runs is not None:
            self.runs.clear()

    # Workers

    def is_member(self, worker: str, epoch: str | None) -> bool:
        """Return whether a worker is counted on, and knows of this life."""
        self._sweep(worker)
        return worker in self.members and epoch == self.life.epoch

    def beat(self, worker: str) -> None:
        """Hear that a member lives."""
        now, member = self.now_us(), self.members[worker]
        if now - member.heard_us > self._dead_after_us:
            member.since_us = now
        member.heard_us = now

    def join(self, worker: str, grants: Iterable[Grant]) -> str:
        """Count on a worker, take its grants up, and return the epoch.

        Its holds and charges only the first time in this life: after that the store knows them better.
        """
        now, life = self.now_us(), self.life
        self._sweep(worker)
        self.members.setdefault(worker, Member(now, now))
        self.beat(worker)
        fresh = worker not in life.joined
        life.joined.add(worker)
        for grant in grants if life.epoch else ():
            self._restore(worker, grant, fresh=fresh)
        return life.epoch

    def leave(self, worker: str) -> None:
        """Hear that a worker stops."""
        self.members.pop(worker, None)
        self.life.calls.pop(worker, None)

    def _restore(self, worker: str, grant: Grant, *, fresh: bool) -> None:
        demand, attempt = grant.demand, grant.demand.attempt_id
        if fresh and grant.holds and attempt not in self.life.holds and attempt not in self.life.ended:
            self._hold(demand, grant.at_us)
        if grant.in_call and attempt not in self._calls(worker):
            self._call(worker, demand, grant.at_us, grant.counted_us)
            if fresh:
                self._count(demand, grant.counted_us)
        if fresh and not self._is_fenced(demand):
            self._write_mark(demand)

    def _sweep(self, worker: str) -> None:
        """Void what dead workers hold of parallel slots. Who was away itself, or is new, does not judge others yet."""
        judge, now = self.members.get(worker), self.now_us()
        if judge is None or self._is_dead(judge) or now - judge.since_us < self._dead_after_us:
            return
        for name in [name for name, member in self.members.items() if self._is_dead(member)]:
            self.leave(name)

    def _is_dead(self, member: Member) -> bool:
        return self.now_us() - member.heard_us > self._dead_after_us

    # Demands

    def answer(self, worker: str, demand: Demand) -> tuple[Verdict, int]:
        """Return the answer to a demand, and the time whose slots hold its charges."""
        now = self.now_us()
        known = self._known(worker, demand.attempt_id)
        closed = self._closed(worker, demand)
        if closed is not None:
            return closed, 0
        if known is not None:
            self._write_mark(demand)
            return Go(known.at_us), known.counted_us
        slot = never(demand) or stale(demand, now) or self._exhausted(demand) or self._slot(demand, now)
        if not isinstance(slot, int):
            return slot, 0
        busy = self._busy(demand)
        if busy is not None:
            return busy, 0
        self._take(worker, demand, now, slot)
        return Go(now), slot

    def _closed(self, worker: str, demand: Demand) -> Fenced | NotReady | None:
        """Return why nobody may ask now, if so."""
        if self._is_fenced(demand):
            self._calls(worker).pop(demand.attempt_id, None)
            return Fenced()
        touches = demand.charges or demand.parallel or demand.holds
        return NotReady() if touches and self.life.phase is not Phase.READY else None

    def _known(self, worker: str, attempt: str) -> Call | None:
        call, held = self._calls(worker).get(attempt), self.life.holds.get(attempt)
        return call or (Call(held.at_us, held.at_us, ()) if held else None)

    def _is_fenced(self, demand: Demand) -> bool:
        """Return whether another worker has the request; one that ends a run that it took over leaves an entry.

        No entry at all: the store has lost it, and the request is ours as much as it was.
        """
        mark = demand.mark
        if mark is None or self.runs is None:
            return False
        runs = self.runs.get(mark.key)
        return runs is not None and len(runs) > 0 and not runs[-1].startswith(mark.beginning)

    def _write_mark(self, demand: Demand) -> None:
        if demand.mark is not None and self.runs is not None:
            self.runs[demand.mark.key] = [*self.runs.get(demand.mark.key, ())[:-1], demand.mark.value]

    def _exhausted(self, demand: Demand) -> Exhausted | None:
        for hold in demand.holds:
            if self.life.settled[window_key(hold.window)] + hold.amount > hold.window.limit:
                return Exhausted(hold.window.name, hold.window.end_us)
        return None

    def _slot(self, demand: Demand, now: int) -> int | Wait | Late | Busy:
        """Return the time whose slots are to hold the charges of a call that begins now, or why it does not."""
        charges, ticket = _counted(demand), demand.ticket_us
        if not charges:
            return now
        if ticket is not None and ticket % LIVES == self.life.number:
            if now < ticket:
                return Wait(now, ticket, charges[0].limit.name)
            if _is_in_time(charges, ticket, now) and self._can_move(charges, ticket, now):
                return now
            if all(slot_at(charge.limit, now) == slot_at(charge.limit, ticket) for charge in charges):
                return ticket
        return self._opening(demand, charges, now)

    def _opening(self, demand: Demand, charges: Sequence[Charge], now: int) -> int | Wait | Late | Busy:
        """Find the earliest slot, and reserve it if it is to come."""
        number = self.life.number
        start = now if demand.earliest_us <= now else ticket_at(demand.earliest_us, number)
        wanted = [(charge, self._calendar(charge.limit)) for charge in charges]
        opening = earliest(wanted, start, number)
        if opening.at_us > demand.latest_us:
            return Late(opening.at_us, opening.limit)
        if opening.at_us == now:
            return now
        unreachable = out_of_reach(wanted, opening.at_us, start, number)
        if unreachable is not None:
            return Busy(unreachable)
        self._count(demand, opening.at_us)
        return Wait(now, opening.at_us, opening.limit)

    def _can_move(self, charges: Sequence[Charge], ticket: int, now: int) -> bool:
        """Return whether a late ticket's charges have room where the call really begins; else they stay."""
        return all(
            fits(charge.limit, self._calendar_without(charge, ticket), charge.amount, slot_at(charge.limit, now))
            for charge in charges
        )

    def _calendar_without(self, charge: Charge, ticket: int) -> Slots:
        slots = Counter(self._calendar(charge.limit))
        _add(slots, slot_at(charge.limit, ticket), -charge.amount)
        return slots

    def _busy(self, demand: Demand) -> Busy | None:
        for parallel in demand.parallel:
            if self.in_parallel(parallel.name) + demand.calls > parallel.limit:
                return Busy(parallel.name)
        for hold in demand.holds:
            key = window_key(hold.window)
            if self.life.settled[key] + self.held(key) + hold.amount > hold.window.limit:
                return Busy(hold.window.name)
        return None

    def _take(self, worker: str, demand: Demand, now: int, counted: int) -> None:
        ticket, charges = demand.ticket_us, _counted(demand)
        if ticket is not None and charges and ticket % LIVES == self.life.number and _is_in_time(charges, ticket, now):
            self._count(demand, ticket, -1)
        self._count(demand, counted)
        if demand.charges or demand.parallel or demand.holds:
            self._call(worker, demand, now, counted)
        if demand.holds:
            self._hold(demand, now)
        self._write_mark(demand)

    # What is taken

    def held(self, key: WindowKey) -> int:
        """Return the sum of the holds in a window."""
        return sum(held.amounts.get(key, 0) for held in self.life.holds.values())

    def in_parallel(self, name: str) -> int:
        """Return how many calls take a slot of a parallel limit."""
        return sum(call.parallel.count(name) for calls in self.life.calls.values() for call in calls.values())

    def finish(self, worker: str, attempt: str, corrections: Sequence[Correction]) -> None:
        """Hear that a call is over; once."""
        self._sweep(worker)
        call = self._calls(worker).pop(attempt, None)
        if call is not None:
            for correction in corrections:
                self.add(correction.limit, call.counted_us, correction.delta)

    def settle(self, attempt: str, amounts: Sequence[int]) -> None:
        """Hear what an attempt has cost."""
        held = self.life.holds.get(attempt)
        if held is not None and len(amounts) == len(held.amounts):
            self.life.holds[attempt] = Held(held.at_us, dict(zip(held.amounts, amounts, strict=True)))

    def cancel(self, demand: Demand, ticket: int) -> None:
        """Take a ticket's charges back, if it is of this life."""
        if ticket % LIVES == self.life.number:
            self._count(demand, ticket, -1)

    def add(self, limit: RateLimit, at_us: int, amount: int) -> None:
        """Add to the slot of a time, or take away; no slot is less than empty."""
        _add(self._calendar(limit), slot_at(limit, at_us), amount)

    def level(self, limit: RateLimit) -> Level:
        """Return how full a limit is."""
        now, slots, length = self.now_us(), self._calendar(limit), slot_length(limit)
        last = max((slot for slot, amount in slots.items() if amount), default=0)
        return Level(limit.name, fullest(slots, slot_at(limit, now)), max(now, last * length))

    def _count(self, demand: Demand, at_us: int, sign: int = 1) -> None:
        for charge in _counted(demand):
            self.add(charge.limit, at_us, sign * charge.amount)

    def _call(self, worker: str, demand: Demand, at_us: int, counted_us: int) -> None:
        names = tuple(parallel.name for parallel in demand.parallel) * demand.calls
        self._calls(worker)[demand.attempt_id] = Call(at_us, counted_us, names)

    def _hold(self, demand: Demand, at_us: int) -> None:
        amounts = {window_key(hold.window): hold.amount for hold in demand.holds}
        self.life.holds[demand.attempt_id] = Held(at_us, amounts)

    def _calls(self, worker: str) -> dict[str, Call]:
        return self.life.calls.setdefault(worker, {})

    def _calendar(self, limit: RateLimit) -> Counter[int]:
        return self.life.calendars.setdefault((limit.name, limit.period_us), Counter())


def _counted(demand: Demand) -> list[Charge]:
    return [charge for charge in demand.charges if charge.amount]


def _is_in_time(charges: Sequence[Charge], ticket: int, now: int) -> bool:
    return ticket <= now <= ticket + min(grace_us(charge.limit) for charge in charges)


def _add(slots: Counter[int], slot: int, amount: int) -> None:
    slots[slot] = max(0, slots[slot] + amount)
